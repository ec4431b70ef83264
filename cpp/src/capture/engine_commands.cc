// WB.READ, WB.SETTLE and WB.REJECT: what an engine needs.
#include "capture/answer.h"
#include "capture/commands.h"
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

constexpr std::size_t kAnswerWords = 5;

// WB.SETTLE's words, checked.
struct Settlement {
  std::uint64_t identity = 0;
  redis::StreamId min_id;
  std::size_t pairs = 0;
  std::vector<Settled> answers;
};

std::optional<Settlement> ParseSettlement(const Args& args) {
  const auto identity = ParseIdentity(args.view(2));
  const auto min_id = ParseStreamId(args.view(3));
  const auto pairs = ParseNumber<std::uint32_t>(args.view(4));
  if (!identity || !min_id || !pairs) return std::nullopt;
  const std::size_t first = 5 + std::size_t{*pairs} * 2;
  if (first > args.size() || (args.size() - first) % kAnswerWords != 0) return std::nullopt;
  Settlement settlement{*identity, *min_id, *pairs, {}};
  for (std::size_t i = first; i < args.size(); i += kAnswerWords) {
    const auto id = ParseStreamId(args.view(i));
    const std::string_view shared = args.view(i + 1);
    if (!id || (shared != "0" && shared != "1")) return std::nullopt;
    settlement.answers.push_back({*id, shared == "1", args.view(i + 2), args.view(i + 3), args.view(i + 4)});
  }
  return settlement;
}

void WriteCheckpoint(redis::Context* ctx, const Pipeline& pipeline, const Args& args, std::size_t pairs) {
  if (pairs == 0) return;
  const OwnWrites own;
  const std::string key = PipelineKey(pipeline.name(), "checkpoint");
  ReplyHandle(redis::Call(ctx, "HSET", "!bv", key.data(), key.size(), args.from(5), pairs * 2));
}

// Removes the answered entries and those below the minimum. Which of the answers are to be given: those whose
// entry was still there, so that no answer is given twice.
std::vector<Settled> RemoveEntries(redis::Context* ctx, const Pipeline& pipeline,
                                   const Settlement& settlement) {
  std::vector<Settled> removed;
  const KeyHandle stream = OpenForWrite(ctx, pipeline.stream());
  if (TypeOf(stream) != redis::kStream) return removed;
  std::vector<StringHandle> owners;
  std::vector<redis::String*> ids;
  for (const Settled& answer : settlement.answers) {
    redis::StreamId id = answer.id;
    if (redis::StreamDelete(stream.get(), &id) != redis::kOk) continue;
    removed.push_back(answer);
    ids.push_back(owners.emplace_back(MakeString(StreamIdText(id).view())).get());
  }
  if (!ids.empty()) redis::Replicate(ctx, "XDEL", "sv", pipeline.stream(), ids.data(), ids.size());
  redis::StreamId min_id = settlement.min_id;
  if (redis::StreamTrimByID(stream.get(), 0, &min_id) > 0) {
    redis::Replicate(ctx, "XTRIM", "sccc", pipeline.stream(), "MINID", "=", StreamIdText(min_id).text);
  }
  return removed;
}

}  // namespace

int ReadCommand(redis::Context* ctx, const Args& args) {
  if (args.size() != 5) return redis::WrongArity(ctx);
  const Pipeline* pipeline = RequirePipeline(ctx, args.view(1));
  if (pipeline == nullptr) return redis::kOk;
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

int SettleCommand(redis::Context* ctx, const Args& args) {
  if (args.size() < 5) return redis::WrongArity(ctx);
  const Pipeline* pipeline = RequirePipeline(ctx, args.view(1));
  if (pipeline == nullptr) return redis::kOk;
  const auto settlement = ParseSettlement(args);
  if (!settlement) {
    return ReplyError(
        ctx,
        "ERR expected: WB.SETTLE <pipeline> <identity> <minid> <pairs> [<field> <checkpoint>]... "
        "[<id> <shared> <key> <uuid> <error>]...");
  }
  if (!pipeline->HasIdentity(settlement->identity)) return redis::ReplyWithLongLong(ctx, 0);
  WriteCheckpoint(ctx, *pipeline, args, settlement->pairs);
  const Database& database = Server::Get().registry().Get(redis::GetSelectedDb(ctx));
  long long answered = 0;
  for (const Settled& removed : RemoveEntries(ctx, *pipeline, *settlement)) {
    answered += Settle(ctx, database, *pipeline, settlement->identity, removed) ? 1 : 0;
  }
  return redis::ReplyWithLongLong(ctx, answered);
}

int RejectCommand(redis::Context* ctx, const Args& args) {
  if (args.size() < 6 || args.size() % 2 != 0) return redis::WrongArity(ctx);
  const Pipeline* pipeline = RequirePipeline(ctx, args.view(1));
  if (pipeline == nullptr) return redis::kOk;
  const auto identity = ParseIdentity(args.view(2));
  const auto id = ParseStreamId(args.view(3));
  if (!identity || !id)
    return ReplyError(ctx, "ERR expected: WB.REJECT <pipeline> <identity> <id> <field> <value> ...");
  const std::string entry = IdentityText(*identity).append("/").append(StreamIdText(*id).view());
  const std::string ids = PipelineKey(pipeline->name(), "rejected-ids");
  const std::string rejected = PipelineKey(pipeline->name(), "rejected");
  const OwnWrites own;
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

}  // namespace writebehind
