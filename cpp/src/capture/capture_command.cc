// WB.CAPTURE.
#include "capture/commands.h"
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

}  // namespace writebehind
