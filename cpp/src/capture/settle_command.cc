// WB.SETTLE: how an engine says what became of changes.
#include <string>
#include <vector>

#include "capture/acl.h"
#include "capture/answer.h"
#include "capture/backlog.h"
#include "capture/commands.h"
#include "capture/entry_header.h"
#include "capture/own_keys.h"
#include "capture/own_writes.h"
#include "capture/server.h"
#include "capture/stream_scan.h"
#include "codec/entry_format.h"

namespace writebehind {
namespace {

constexpr char kUsage[] =
    "ERR expected: WB.SETTLE <pipeline> <identity> <minid> <pairs> [<field> <checkpoint>]... "
    "[<id> <error>]...";
constexpr std::size_t kPairs = 5;  // the first word behind the number of pairs

// An entry that is to be answered: `done` if `error` is empty.
struct Verdict {
  redis::StreamId id;
  std::string_view error;
};

struct Settlement {
  std::uint64_t identity = 0;
  redis::StreamId min_id;
  std::size_t pairs = 0;
  std::vector<Verdict> verdicts;
};

std::optional<Settlement> Parse(const Args& args) {
  const auto identity = ParseIdentity(args.view(2));
  const auto min_id = ParseStreamId(args.view(3));
  const auto pairs = ParseNumber<std::uint32_t>(args.view(4));
  if (!identity || !min_id || !pairs) return std::nullopt;
  const std::size_t first = kPairs + std::size_t{*pairs} * 2;
  if (first > args.size() || (args.size() - first) % 2 != 0) return std::nullopt;
  Settlement settlement{*identity, *min_id, *pairs, {}};
  for (std::size_t i = first; i < args.size(); i += 2) {
    const auto id = ParseStreamId(args.view(i));
    if (!id) return std::nullopt;
    settlement.verdicts.push_back({*id, args.view(i + 1)});
  }
  return settlement;
}

void WriteCheckpoint(redis::Context* ctx, const Pipeline& pipeline, const Args& args, std::size_t pairs) {
  if (pairs == 0) return;
  const OwnWrites own;
  const std::string key = PipelineKey(pipeline.name(), "checkpoint");
  RemoveUnless(ctx, key, redis::kHash);
  ReplyHandle(redis::Call(ctx, "HSET", "!bv", key.data(), key.size(), args.from(kPairs), pairs * 2));
}

// Removes the entries that are answered. Which of the answers are to be given: those whose entry was still
// there, so that no answer is given twice. Whom to answer says the entry, not the caller.
std::vector<Settled> TakeEntries(redis::Context* ctx, redis::Key* stream, const Pipeline& pipeline,
                                 const Settlement& settlement) {
  std::vector<Settled> taken;
  std::vector<StringHandle> owners;
  std::vector<redis::String*> ids;
  for (const Verdict& verdict : settlement.verdicts) {
    const StringHandle packed = ReadEntry(stream, verdict.id);
    const auto header = packed ? ReadEntryHeader(View(packed.get())) : std::nullopt;
    if (!header || header->uuid.empty() || header->identity != settlement.identity) continue;
    redis::StreamId id = verdict.id;
    if (redis::StreamDelete(stream, &id) != redis::kOk) continue;
    taken.push_back({id, (header->flags & kFlagShared) != 0, std::string(header->key),
                     std::string(header->uuid), verdict.error});
    ids.push_back(owners.emplace_back(MakeString(StreamIdText(id).view())).get());
  }
  if (!ids.empty()) redis::Replicate(ctx, "XDEL", "sv", pipeline.stream(), ids.data(), ids.size());
  return taken;
}

// A master that was lost may have given out higher IDs than the first of the one that followed it: what is
// settled of the older identity must not take the younger one's entries with it.
redis::StreamId Bound(redis::Key* stream, const Pipeline& pipeline, const Settlement& settlement) {
  redis::StreamId bound = settlement.min_id;
  if (settlement.identity == pipeline.identity()) return bound;
  ScanStream(stream, {}, [&](redis::StreamId id, std::string_view packed) {
    if (!(id < settlement.min_id)) return false;
    const auto header = ReadEntryHeader(packed);
    const bool younger = header && pipeline.IsYounger(header->identity, settlement.identity);
    if (younger) bound = id;
    return !younger;
  });
  return bound;
}

std::vector<Settled> RemoveEntries(redis::Context* ctx, Pipeline* pipeline, const Settlement& settlement) {
  const KeyHandle stream = OpenForWrite(ctx, pipeline->stream());
  if (TypeOf(stream) != redis::kStream) return {};
  std::vector<Settled> taken = TakeEntries(ctx, stream.get(), *pipeline, settlement);
  redis::StreamId min_id = Bound(stream.get(), *pipeline, settlement);
  if (redis::StreamTrimByID(stream.get(), 0, &min_id) > 0) {
    redis::Replicate(ctx, "XTRIM", "sccc", pipeline->stream(), "MINID", "=", StreamIdText(min_id).text);
  }
  Backlog::OnShrunk(pipeline, redis::ValueLength(stream.get()));
  return taken;
}

}  // namespace

int SettleCommand(redis::Context* ctx, const Args& args) {
  if (args.size() < kPairs) return redis::WrongArity(ctx);
  Pipeline* pipeline = RequirePipeline(ctx, args.view(1));
  if (pipeline == nullptr || !MayChangeStream(ctx, *pipeline)) return redis::kOk;
  const auto settlement = Parse(args);
  if (!settlement) return ReplyError(ctx, kUsage);
  if (!pipeline->HasIdentity(settlement->identity)) return redis::ReplyWithLongLong(ctx, 0);
  WriteCheckpoint(ctx, *pipeline, args, settlement->pairs);
  const Database& database = Server::Get().registry().Get(redis::GetSelectedDb(ctx));
  long long answered = 0;
  for (const Settled& settled : RemoveEntries(ctx, pipeline, *settlement)) {
    answered += Settle(ctx, database, *pipeline, settlement->identity, settled) ? 1 : 0;
  }
  return redis::ReplyWithLongLong(ctx, answered);
}

}  // namespace writebehind
