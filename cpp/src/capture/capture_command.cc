// WB.CAPTURE and WB.REQUEUE: changes that no command of a client has made just now.
#include "capture/append.h"
#include "capture/commands.h"
#include "capture/entry_header.h"
#include "capture/notify.h"
#include "capture/server.h"

namespace writebehind {
namespace {

// A lone ABSENT is a key.
bool HasAbsent(const Args& args) { return args.size() > 2 && SameWord(args.view(1), "ABSENT"); }

int ReportKeys(redis::Context* ctx, const Args& args) {
  for (std::size_t i = HasAbsent(args) ? 2 : 1; i < args.size(); ++i) {
    // What is captured changes a row: who may not write the key may not do that.
    redis::KeyAtPosWithFlags(ctx, static_cast<int>(i),
                             redis::kKeyReadWrite | redis::kKeyAccess | redis::kKeyUpdate);
  }
  return redis::kOk;
}

}  // namespace

int CaptureCommand(redis::Context* ctx, const Args& args) {
  if (redis::IsKeysPositionRequest(ctx) != 0) return ReportKeys(ctx, args);
  if (args.size() < 2) return redis::WrongArity(ctx);
  const bool absent = HasAbsent(args);
  Database* database = Server::Get().Capturing(ctx);
  long long captured = 0;
  for (std::size_t i = absent ? 2 : 1; i < args.size() && database != nullptr; ++i) {
    if (!database->Captures(args.view(i)) || (!absent && !Peek(ctx, args[i]))) continue;
    captured += CaptureKey(ctx, database, args[i], kAnyEvent) > 0 ? 1 : 0;
  }
  return redis::ReplyWithLongLong(ctx, captured);
}

int RequeueCommand(redis::Context* ctx, const Args& args) {
  if (args.size() != 3) return redis::WrongArity(ctx);
  Pipeline* pipeline = RequirePipeline(ctx, args.view(1));
  if (pipeline == nullptr || !MayChangeStream(ctx, *pipeline)) return redis::kOk;
  const auto header = ReadEntryHeader(args.view(2));
  if (!header || header->op == 'd')
    return ReplyError(ctx, "ERR expected: WB.REQUEUE <pipeline> <entry of an upsert>");
  if (pipeline->registration().definitions.count(header->definition) == 0) {
    return ReplyError(ctx, "ERR the definition that captured this entry is no more");
  }
  if (!pipeline->key_fields().empty()) {
    // What is kept beside the keys would not know of the row.
    return ReplyError(ctx, "ERR fields of its hash name the row: write the key again instead");
  }
  if (Peek(ctx, MakeString(header->key).get())) return redis::ReplyWithLongLong(ctx, 0);
  Database* database = Server::Get().registry().Find(redis::GetSelectedDb(ctx));
  return redis::ReplyWithLongLong(ctx, AppendAgain(ctx, database, pipeline, args.view(2)) ? 1 : 0);
}

}  // namespace writebehind
