#include "capture/copy_command.h"

#include <algorithm>
#include <tuple>

#include "capture/acl.h"

namespace writebehind {
namespace {

// Takes the number that `text` begins with, and the point behind it.
int TakeNumber(std::string_view* text) {
  const std::size_t end = std::min(text->find_first_not_of("0123456789"), text->size());
  const int number = ParseNumber<int>(text->substr(0, end)).value_or(0);
  text->remove_prefix(std::min(end + 1, text->size()));
  return number;
}

// The call itself does nothing: COPY does not know such an option.
bool MayCopy(redis::Context* ctx, const Args& args) {
  const ReplyHandle reply(redis::Call(ctx, "COPY", "CEssc", args[1], args[2], "?"));
  return Permitted(reply, "syntax error");
}

// The database that COPY was told last; without any the selected one.
int Destination(redis::Context* ctx, const Args& args) {
  int database = redis::GetSelectedDb(ctx);
  for (std::size_t i = 3; i + 1 < args.size(); ++i) {
    if (SameWord(args.view(i), "DB")) database = ParseNumber<int>(args.view(i + 1)).value_or(database);
  }
  return database;
}

// What the copy is, in the words of a command that knows but one database: replicas and AOF would go wrong by
// a COPY just as this server does, and a server that loads an AOF asks no command filter.
void SendOn(redis::Context* ctx, const Args& args) {
  const int selected = redis::GetSelectedDb(ctx);
  redis::SelectDb(ctx, Destination(ctx, args));
  const ReplyHandle dump(redis::Call(ctx, "DUMP", "s", args[2]));
  std::size_t size = 0;
  const char* value = dump ? redis::CallReplyStringPtr(dump.get(), &size) : nullptr;
  const ReplyHandle until(redis::Call(ctx, "PEXPIRETIME", "s", args[2]));
  if (value != nullptr && until) {
    redis::Replicate(ctx, "RESTORE", "slbcc", args[2], std::max(redis::CallReplyInteger(until.get()), 0LL),
                     value, size, "REPLACE", "ABSTTL");
  }
  redis::SelectDb(ctx, selected);
}

}  // namespace

bool CopyMovesClient(redis::Context* ctx) {
  const ReplyHandle reply(redis::Call(ctx, "INFO", "c", "server"));
  std::size_t size = 0;
  const char* text = reply ? redis::CallReplyStringPtr(reply.get(), &size) : nullptr;
  if (text == nullptr) return false;
  constexpr std::string_view kName = "\nvalkey_version:";
  std::string_view version(text, size);
  const std::size_t at = version.find(kName);
  if (at == std::string_view::npos) return false;
  version.remove_prefix(at + kName.size());
  const int major = TakeNumber(&version);
  const int minor = TakeNumber(&version);
  const auto found = std::make_tuple(major, minor, TakeNumber(&version));
  return found >= std::make_tuple(8, 1, 0) && found < std::make_tuple(9, 1, 2);
}

int CopyCommand(redis::Context* ctx, const Args& args) {
  if (args.size() < 3) return redis::WrongArity(ctx);
  if (!MayCopy(ctx, args)) {
    return redis::ReplyWithError(ctx, "NOPERM this user has no permissions to COPY these keys");
  }
  // The event moves the client that this call makes for itself, which would then send the COPY on from the
  // database it was moved to: so it sends nothing of its own (`AR`), but lets captures be sent (`!`).
  const ReplyHandle reply(redis::Call(ctx, "COPY", "!AREv", args.from(1), args.size() - 1));
  if (!reply) return redis::ReplyWithError(ctx, "ERR the command could not be run");
  if (redis::CallReplyType(reply.get()) == redis::kReplyInteger && redis::CallReplyInteger(reply.get()) > 0) {
    SendOn(ctx, args);
  }
  return redis::ReplyWithCallReply(ctx, reply.get());
}

}  // namespace writebehind
