#include "pipeline/worker.h"

#include <fmt/format.h>

#include <unordered_set>

#include "ack/rejected.h"
#include "pipeline/redis_line.h"
#include "stream/reader.h"
#include "util/log.h"

namespace writebehind {
namespace {

constexpr std::uint32_t kUnreadable = 0;      // the definition of an entry that can't be decoded
constexpr std::size_t kLoggedRefusals = 10;  // of one batch

// What Redis says in a retry loop is never a reason to reopen the target.
Status AsTransient(const Status& status) {
  if (status.ok() || status.code() == Code::kStopped) return status;
  return {Code::kTransient, status.message(), status.hint()};
}

}  // namespace

Worker::Worker(Context* context, std::size_t writer)
    : context_(context),
      lane_(context->lanes[writer - 1].get()),
      target_(context->options, writer, &context->definitions),
      batcher_({context->options.max_batch_rows, context->options.max_batch_bytes, context->options.batch, context->options.duration},
               &lane_->shares, &lane_->arrived, &context->stop),
      retry_(context->options.name, fmt::format("writer {}", writer), context->options.retry_interval, &context->stop, &context->board) {}

bool Worker::RunOnce() {
  batch_.Clear();
  refused_.clear();
  if (!batcher_.Next(&batch_)) return false;
  if (!retry_.Until([this] { return Attempt(); }, [this] { Reopen(); })) return false;
  brake_.Passed();
  Count();
  auto settlement = BuildSettlement();
  return lane_->settlements.Push(std::move(settlement));
}

// Everything here may be run again: what was decided about a record stays in its fate.
Status Worker::Attempt() {
  while (context_->paused.load()) {
    if (!context_->stop.SleepFor(std::chrono::milliseconds(50))) return {Code::kStopped, "stopped"};
  }
  const Plan* plan = nullptr;
  if (Status status = target_.Connect(); !status.ok()) return status;
  if (Status status = target_.PlanFor(batch_.definition(), &plan); !status.ok()) return status;
  if (plan == nullptr && batch_.definition() != kUnreadable) {
    return {Code::kConfig, fmt::format("definition {} of what waits is not in the registry, or can't be read", batch_.definition()),
            "was it registered by hand, or by a newer version?"};
  }
  if (Status status = SkipCommitted(); !status.ok()) return status;
  MapRows(plan);
  coalescer_.Run(&batch_);
  if (Status status = HandleRefused(); !status.ok()) return status;
  return Commit(plan);
}

Status Worker::SkipCommitted() {
  if (Status status = Rejoin(); !status.ok()) return status;
  StreamId position;
  if (Status status = target_.Position(batch_.identity(), &position); !status.ok()) return status;
  for (std::size_t i = 0; i < batch_.records.size() && batch_.records[i]->id <= position; ++i) {
    Fate& fate = batch_.fates[i];
    if (fate.state != Fate::State::kPending) continue;
    std::string reason;
    if (Status status = EarlierRejection(*batch_.records[i], &reason); !status.ok()) return status;
    fate.state = reason.empty() ? Fate::State::kSkipped : Fate::State::kFailed;
    fate.stored = true;
    fate.reason = std::move(reason);
  }
  return Status::Ok();
}

// Where the target keeps no checkpoint, the one in Redis says what was committed before a restart.
Status Worker::Rejoin() {
  if (joined_ || !context_->options.sink.exactly_once_table.empty()) return Status::Ok();
  Reply reply;
  const std::string key = "writebehind:{" + context_->options.name + "}:checkpoint";
  if (Status status = CommandRedis({"HGETALL", key}, &reply); !status.ok()) return status;
  std::map<std::string, StreamId> checkpoints;
  for (std::size_t i = 0; i + 1 < reply->elements; i += 2) {
    if (const auto id = StreamId::Parse(Text(*reply->element[i + 1]))) checkpoints[std::string(Text(*reply->element[i]))] = *id;
  }
  target_.SetRedisCheckpoints(std::move(checkpoints));
  joined_ = true;
  return Status::Ok();
}

Status Worker::CommandRedis(std::initializer_list<std::string_view> words, Reply* reply) {
  if (!redis_.open()) {
    if (Status status = redis_.Open(context_->options.redis); !status.ok()) return AsTransient(status);
  }
  return AsTransient(redis_.Command(words, reply));
}

// An entry that is delivered again may have been rejected, not written, before the crash: its writer is
// told so.
Status Worker::EarlierRejection(const Record& record, std::string* reason) {
  if (record.uuid.empty()) return Status::Ok();
  const std::string prefix = "writebehind:{" + context_->options.name + "}:";
  Reply id;
  if (Status status = CommandRedis({"HGET", prefix + "rejected-ids", IdentityText(record.identity) + '/' + record.id.ToString()}, &id);
      !status.ok() || id->type != REDIS_REPLY_STRING) {
    return status;
  }
  *reason = "rejected";
  Reply entries;
  if (Status status = CommandRedis({"XRANGE", prefix + "rejected", Text(*id), Text(*id)}, &entries); !status.ok()) return status;
  if (entries->elements != 1 || entries->element[0]->elements != 2) return Status::Ok();
  const redisReply& fields = *entries->element[0]->element[1];
  for (std::size_t i = 0; i + 1 < fields.elements; i += 2) {
    if (Text(*fields.element[i]) == "reason") *reason = Text(*fields.element[i + 1]);
  }
  return Status::Ok();
}

void Worker::MapRows(const Plan* plan) {
  arena_.Clear();
  batch_.rows.clear();
  for (std::uint32_t i = 0; i < batch_.records.size(); ++i) {
    if (batch_.fates[i].state != Fate::State::kPending) continue;
    Row row;
    row.record = i;
    Refusal refusal;
    if (plan == nullptr) {
      refusal.reason = "the stream entry can't be read";
      Refuse(i, std::move(refusal));
    } else if (MapRecord(*plan->output, plan->table, *batch_.records[i], &arena_, &row, &refusal)) {
      batch_.rows.push_back(row);
    } else {
      Refuse(i, std::move(refusal));
    }
  }
}

void Worker::Refuse(std::uint32_t record, Refusal refusal) {
  Fate& fate = batch_.fates[record];
  fate.state = Fate::State::kFailed;
  fate.reason = Describe(refusal);
  refused_.emplace_back(record, std::move(refusal));
}

// What was refused was refused under plans that are gone: it is to be tried again under new ones.
void Worker::Reopen() {
  TakeBack();
  target_.Disconnect();
}

void Worker::TakeBack() {
  for (const auto& [record, refusal] : refused_) batch_.fates[record] = Fate{};
  refused_.clear();
}

// Decides whether what was refused is to be rejected, and stores it before anything is committed past it.
Status Worker::HandleRefused() {
  if (refused_.empty()) return Status::Ok();
  bool changed = false;
  if (Status status = target_.CatalogChanged(batch_.definition(), &changed); !status.ok()) {
    TakeBack();
    return status;
  }
  if (changed) {
    TakeBack();
    return {Code::kRefused, "the table was changed meanwhile"};
  }
  std::string cause = refused_.front().second.column;
  std::unordered_set<std::string_view> refused_keys;
  for (const auto& [record, refusal] : refused_) {
    refused_keys.insert(batch_.records[record]->key);
    if (refusal.column != cause) cause.clear();
  }
  std::unordered_set<std::string_view> keys;
  if (refused_keys.size() >= Brake::kLeastKeys) {
    for (std::size_t i = 0; i < batch_.records.size(); ++i) {
      if (batch_.fates[i].state != Fate::State::kSkipped) keys.insert(batch_.records[i]->key);
    }
  }
  if (keys.size() == refused_keys.size() && brake_.Holds(keys.size(), cause)) {
    Status held(Code::kTransient,
                fmt::format("writing is paused: every row of two batches was refused for column {}: {}", cause, refused_.front().second.reason),
                "mend the column or the mapping; it goes on by itself");
    TakeBack();
    target_.ForgetPlans();
    return held;
  }
  if (context_->options.stop_on_reject) {
    const std::string what = fmt::format("key {}: {}", batch_.records[refused_.front().first]->key, Describe(refused_.front().second));
    context_->board.Set(State::kHalted, "halted by error_handling: stop: " + what);
    Log(LogLevel::kError, context_->options.name, "halted by error_handling: stop: " + what);
    context_->StopSoon();
    return {Code::kStopped, what};
  }
  return StoreRefused();
}

Status Worker::StoreRefused() {
  if (!redis_.open()) {
    if (Status status = redis_.Open(context_->options.redis); !status.ok()) return AsTransient(status);
  }
  RedisLine line(&redis_);
  for (const auto& [record, refusal] : refused_) AppendReject(context_->options.name, *batch_.records[record], refusal, &line);
  Status failed;
  for (std::size_t i = 0; i < refused_.size(); ++i) {
    Status status = line.Expect();
    if (!redis_.open()) return AsTransient(status);
    if (!status.ok()) failed = status;
  }
  if (!failed.ok()) return AsTransient(failed);
  std::size_t logged = 0;
  for (const auto& [record, refusal] : refused_) {
    batch_.fates[record].stored = true;
    if (++logged > kLoggedRefusals) continue;
    Log(LogLevel::kWarning, context_->options.name, fmt::format("rejected key {}: {}", batch_.records[record]->key, Describe(refusal)));
  }
  if (logged > kLoggedRefusals) {
    Log(LogLevel::kWarning, context_->options.name, fmt::format("and {} more rejected in this batch", logged - kLoggedRefusals));
  }
  refused_.clear();
  return Status::Ok();
}

Status Worker::Commit(const Plan* plan) {
  static const TablePlan no_plan;
  WriteResult result = target_.Write(plan != nullptr ? plan->table : no_plan, batch_.heads, batch_.identity(), batch_.last());
  switch (result.status.code()) {
    case Code::kRefused:
      if (result.refused.empty()) return {Code::kTransient, result.status.message(), result.status.hint()};
      for (Refusal& refusal : result.refused) Refuse(batch_.heads[refusal.row].record, std::move(refusal));
      break;
    case Code::kTransient:
    case Code::kConfig:
      target_.ForgetPlans();  // the table may have changed
      break;
    case Code::kFenced:
      target_.ForgetPositions();
      break;
    default: break;
  }
  return result.status;
}

void Worker::Count() {
  Counters& counters = context_->board.counters;
  std::uint64_t skipped = 0;
  std::uint64_t rejected = 0;
  for (const Fate& fate : batch_.fates) {
    skipped += fate.state == Fate::State::kSkipped ? 1 : 0;
    rejected += fate.state == Fate::State::kFailed ? 1 : 0;
  }
  counters.written += batch_.heads.size();
  counters.coalesced += batch_.rows.size() - batch_.heads.size();
  counters.skipped += skipped;
  counters.rejected += rejected;
  counters.bytes += batch_.bytes;
  ++counters.batches;
}

std::unique_ptr<Settlement> Worker::BuildSettlement() {
  auto settlement = std::make_unique<Settlement>();
  settlement->identity = batch_.identity();
  settlement->checkpoint_field = target_.CheckpointField(batch_.identity());
  settlement->last = batch_.last();
  for (std::size_t i = 0; i < batch_.records.size(); ++i) {
    const Record& record = *batch_.records[i];
    if (record.uuid.empty()) continue;
    const Fate& fate = batch_.fates[i];
    settlement->answers.push_back({record.id, fate.reason});
  }
  settlement->holdings = batch_.holdings;
  return settlement;
}

}  // namespace writebehind
