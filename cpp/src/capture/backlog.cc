#include "capture/backlog.h"

#include <algorithm>

#include "capture/acl.h"
#include "capture/hash_command.h"
#include "capture/server.h"

namespace writebehind {
namespace {

// Those whose first argument is the key that they add to; RENAME, COPY and MOVE, which have another, pass.
constexpr struct {
  std::string_view command;
  std::string_view event;
} kAdding[] = {
    {"HSET", "hset"},       {"HMSET", "hset"},  {"HSETNX", "hset"},
    {"HINCRBY", "hincrby"}, {"HSETEX", "hset"}, {"HINCRBYFLOAT", "hincrbyfloat"},
    {"RESTORE", "restore"},
};

bool Takes(const Pipeline& pipeline, std::string_view key, std::string_view event) {
  return pipeline.active() && pipeline.pattern().Matches(key) && pipeline.events().Accepts(event);
}

std::string Refusal(const Pipeline& pipeline, std::uint64_t waiting) {
  return "WBFULL pipeline '" + pipeline.name() + "': " + std::to_string(waiting) +
         " changes wait, and its max_pending is " + std::to_string(pipeline.limit().max_pending) +
         ": try again once its engine has written some (writebehind status says whether it does)";
}

bool Says(const ReplyHandle& error, std::string_view what) {
  std::size_t size = 0;
  const char* text = IsError(error) ? redis::CallReplyStringPtr(error.get(), &size) : nullptr;
  return text != nullptr && std::string_view(text, size).find(what) != std::string_view::npos;
}

// In the caller's name; other modules' calls have none.
ReplyHandle CallAsCaller(redis::Context* ctx, const Args& args) {
  const std::string command(args.view(1));
  ReplyHandle reply(redis::Call(ctx, command.c_str(), "!ECv", args.from(2), args.size() - 2));
  if (!Says(reply, "cannot run as user")) return reply;
  return ReplyHandle(redis::Call(ctx, command.c_str(), "!Ev", args.from(2), args.size() - 2));
}

}  // namespace

void Backlog::OnGrown(redis::Context* ctx, Pipeline* pipeline, std::uint64_t waiting) {
  const Limit& limit = pipeline->limit();
  if (limit.max_pending == 0 || waiting < limit.max_pending) return;
  if (limit.refuses) pipeline->full = some_full_ = true;
  if (pipeline->told_full) return;
  pipeline->told_full = true;
  redis::Log(ctx, "warning", "pipeline '%s': %llu changes wait, and its max_pending is %llu%s", pipeline->name().c_str(),
             static_cast<unsigned long long>(waiting), static_cast<unsigned long long>(limit.max_pending),
             limit.refuses ? ": writes to its keys are refused until some are written" : "");
}

void Backlog::OnShrunk(Pipeline* pipeline, std::uint64_t waiting) {
  const std::uint64_t limit = pipeline->limit().max_pending;
  if (waiting < limit) pipeline->full = false;
  // Not at once: a backlog that goes up and down at its limit would fill the log.
  if (waiting <= limit / 2) pipeline->told_full = false;
}

bool Backlog::MayBeFull(std::string_view key, std::string_view event) {
  bool some = false;
  for (const auto& database : Server::Get().registry().databases()) {
    if (!database) continue;
    for (const auto& pipeline : database->pipelines()) {
      some = some || pipeline->full;
      if (pipeline->full && Takes(*pipeline, key, event)) return true;
    }
  }
  some_full_ = some;
  return false;
}

bool Backlog::Refuse(redis::Context* ctx, const Database* database, std::string_view key, std::string_view event) {
  if (!some_full_ || database == nullptr) return false;
  for (const auto& pipeline : database->pipelines()) {
    if (!pipeline->full || !Takes(*pipeline, key, event)) continue;
    const std::uint64_t waiting = StreamLength(ctx, pipeline->stream());
    OnShrunk(pipeline.get(), waiting);  // somebody else may have trimmed it
    if (!pipeline->full) continue;
    ++pipeline->refused;
    ReplyError(ctx, Refusal(*pipeline, waiting));
    return true;
  }
  return false;
}

std::string_view AddingEvent(std::string_view command) {
  const auto* found = std::find_if(std::begin(kAdding), std::end(kAdding),
                                   [command](const auto& row) { return SameWord(command, row.command); });
  return found == std::end(kAdding) ? std::string_view{} : found->event;
}

int UnlessFullCommand(redis::Context* ctx, const Args& args) {
  if (args.size() < 3) return redis::WrongArity(ctx);
  // These two know what a `#` is.
  const Args words(args.from(1), static_cast<int>(args.size()) - 1);
  if (SameWord(args.view(1), "HSET")) return HsetCommand(ctx, words);
  if (SameWord(args.view(1), "HMSET")) return HmsetCommand(ctx, words);
  const std::string_view event = AddingEvent(args.view(1));
  if (event.empty()) {
    return ReplyError(ctx, "ERR expected: WB.UNLESSFULL <command> <key> [<argument> ...], the command one that adds to a hash");
  }
  if (Backlog::Refuse(ctx, Server::Get().Capturing(ctx), args.view(2), event)) return redis::kOk;
  const ReplyHandle reply = CallAsCaller(ctx, args);
  if (Says(reply, "acl verification failed")) {
    return redis::ReplyWithError(ctx, "NOPERM this user has no permissions to run this command on this key");
  }
  return reply ? redis::ReplyWithCallReply(ctx, reply.get()) : ReplyError(ctx, "ERR the command could not be run");
}

}  // namespace writebehind
