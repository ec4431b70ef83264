// WB.READ, WB.REJECT and WB.STRAYS: how an engine takes changes, where it puts those that the target refuses,
// and what it has to remember of them.
#include "capture/answer.h"
#include "capture/commands.h"
#include "capture/own_hash.h"
#include "capture/own_keys.h"
#include "capture/own_writes.h"
#include "capture/server.h"
#include "capture/stream_scan.h"

namespace writebehind {
namespace {

// `<ID>`, or `<identity>:<ID>`, which is the beginning in a stream that never had that identity.
std::optional<redis::StreamId> ParseCursor(const Pipeline& pipeline, std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return ParseStreamId(text);
  const auto identity = ParseIdentity(text.substr(0, colon));
  const auto id = ParseStreamId(text.substr(colon + 1));
  if (!identity || !id) return std::nullopt;
  return pipeline.HasIdentity(*identity) ? *id : redis::StreamId{};
}

}  // namespace

int ReadCommand(redis::Context* ctx, const Args& args) {
  if (args.size() != 5) return redis::WrongArity(ctx);
  const Pipeline* pipeline = RequirePipeline(ctx, args.view(1));
  if (pipeline == nullptr || !MayReadStream(ctx, *pipeline)) return redis::kOk;
  const auto after = ParseCursor(*pipeline, args.view(2));
  const auto rows = ParseNumber<std::uint64_t>(args.view(3));
  const auto bytes = ParseNumber<std::uint64_t>(args.view(4));
  if (!after || !rows || !bytes || *rows == 0) {
    return ReplyError(ctx, "ERR expected: WB.READ <pipeline> <ID or identity:ID> <rows, at least 1> <bytes>");
  }
  const KeyHandle stream = Peek(ctx, pipeline->stream());
  if (TypeOf(stream) != redis::kStream) return redis::ReplyWithArray(ctx, 0);
  redis::ReplyWithArray(ctx, redis::kPostponedLength);
  std::uint64_t count = 0;
  std::uint64_t left = *bytes;
  ScanStream(stream.get(), *after, [&](redis::StreamId id, std::string_view packed) {
    if (count > 0 && packed.size() > left) return false;
    ReplyText(ctx, StreamIdText(id).view());
    ReplyText(ctx, packed);
    left -= std::min<std::uint64_t>(left, packed.size());
    return ++count < *rows && left > 0;
  });
  redis::ReplySetArrayLength(ctx, static_cast<long>(count * 2));
  return redis::kOk;
}

int RejectCommand(redis::Context* ctx, const Args& args) {
  if (args.size() < 6 || args.size() % 2 != 0) return redis::WrongArity(ctx);
  const Pipeline* pipeline = RequirePipeline(ctx, args.view(1));
  if (pipeline == nullptr || !MayChangeStream(ctx, *pipeline)) return redis::kOk;
  const auto identity = ParseIdentity(args.view(2));
  const auto id = ParseStreamId(args.view(3));
  if (!identity || !id)
    return ReplyError(ctx, "ERR expected: WB.REJECT <pipeline> <identity> <id> <field> <value> ...");
  // What a flush discarded is not kept as rejected either.
  if (!pipeline->HasIdentity(*identity)) return redis::ReplyWithLongLong(ctx, 0);
  const std::string entry = IdentityText(*identity).append("/").append(StreamIdText(*id).view());
  const std::string ids = PipelineKey(pipeline->name(), "rejected-ids");
  const std::string rejected = PipelineKey(pipeline->name(), "rejected");
  const OwnWrites own;
  RemoveUnless(ctx, ids, redis::kHash);
  RemoveUnless(ctx, rejected, redis::kStream);
  const ReplyHandle known(
      redis::Call(ctx, "HEXISTS", "bb", ids.data(), ids.size(), entry.data(), entry.size()));
  if (known && redis::CallReplyType(known.get()) == redis::kReplyInteger &&
      redis::CallReplyInteger(known.get()) == 1) {
    return redis::ReplyWithLongLong(ctx, 0);
  }
  const ReplyHandle added(redis::Call(ctx, "XADD", "!Ebcv", rejected.data(), rejected.size(), "*",
                                      args.from(4), args.size() - 4));
  if (!added || redis::CallReplyType(added.get()) == redis::kReplyError) {
    return added ? redis::ReplyWithCallReply(ctx, added.get())
                 : ReplyError(ctx, "ERR the entry could not be stored");
  }
  std::size_t size = 0;
  const char* stored = redis::CallReplyStringPtr(added.get(), &size);
  ReplyHandle(
      redis::Call(ctx, "HSET", "!bbb", ids.data(), ids.size(), entry.data(), entry.size(), stored, size));
  return redis::ReplyWithLongLong(ctx, 1);
}

int StraysCommand(redis::Context* ctx, const Args& args) {
  if (args.size() < 3) return redis::WrongArity(ctx);
  const Pipeline* pipeline = RequirePipeline(ctx, args.view(1));
  if (pipeline == nullptr || !MayChangeStream(ctx, *pipeline)) return redis::kOk;
  const auto removed = ParseNumber<std::uint32_t>(args.view(2));
  const std::size_t stored = 3 + std::size_t{removed.value_or(0)};
  if (!removed || stored > args.size() || (args.size() - stored) % 2 != 0) {
    return ReplyError(ctx, "ERR expected: WB.STRAYS <pipeline> <removed> [<field>]... [<field> <value>]...");
  }
  const StringHandle name = MakeString(PipelineKey(pipeline->name(), "strays"));
  OwnHash strays(ctx, name.get());
  for (std::size_t i = 3; i < stored; ++i) strays.Remove(args.view(i));
  for (std::size_t i = stored; i < args.size(); i += 2) strays.Set(args.view(i), args.view(i + 1));
  return redis::ReplyWithSimpleString(ctx, "OK");
}

}  // namespace writebehind
