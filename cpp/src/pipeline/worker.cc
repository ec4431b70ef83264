#include "pipeline/worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace writebehind {
namespace {

constexpr std::uint32_t kUnreadable = 0;      // the definition of an entry that can't be decoded

}  // namespace

Worker::Worker(Context* context, std::size_t writer)
    : context_(context),
      writer_(writer),
      lane_(context->lanes[writer - 1].get()),
      target_(context->options, writer, context->writers, &context->definitions),
      batcher_({context->options.max_batch_rows, context->options.max_batch_bytes, context->options.batch, context->options.duration},
               &lane_->shares, &lane_->arrived, &context->stop),
      rewriter_(context->options.transformer),
      retry_(context->options.name, fmt::format("writer {}", writer), context->options.retry_interval, &context->stop, &context->board),
      grace_(context->options.constraint_grace),
      strays_(context->options.name, context->token) {}

bool Worker::RunOnce() {
  if (!NextBatch()) return false;
  if (batch_.empty()) {
    is_gone_ = false;
    return retry_.Until([this] { return Rejoin(); }, [this] { Reopen(); });
  }
  if (!is_gone_ && !retry_.Until([this] { return Try(); }, [this] { Reopen(); })) return false;
  if (is_gone_) return GiveBack();
  if (cut_.empty()) brake_.Passed();
  Count();
  Decided();
  auto settlement = BuildSettlement();
  settlement->passed_strays = strays_.Finish(batch_.last());
  StreamId& passed = passed_[batch_.identity()].own;
  passed = std::max(passed, batch_.last());
  LeaveFormer(batch_.identity());
  return lane_->settlements.Push(std::move(settlement));
}

bool Worker::NextBatch() {
  refused_.clear();
  rewriter_.Clear();
  storing_ = recalled_ = false;
  if (cut_.empty()) {
    whole_ = true;
    secured_ = {};
    bool full = false;
    if (!ahead_.Take(&batch_, &arena_, &coalescer_, &full)) batch_.Clear();
    return full ? !context_->stop.requested() : batcher_.Next(&batch_);
  }
  batch_ = std::move(cut_.back());
  cut_.pop_back();
  return true;
}

Status Worker::Try() {
  awaits_row_ = false;
  Status status = Attempt();
  // A batch that was cut on purpose stays so.
  gathers_ = status.code() != Code::kRefused;
  if (!status.ok() && gathers_ && !awaits_row_) grace_.BeginAnew();
  return status;
}

// Everything here may be run again: what was decided about a record stays in its fate.
Status Worker::Attempt() {
  if (batch_.as == Batch::As::kAlone && !AwaitTurn()) return {Code::kStopped, "stopped"};
  // The reader waits for what waits here, which may wait for what is to be read; or had its turn because that was given back.
  if (is_gone_ = batch_.as != Batch::As::kBatch && context_->rewinds.load(); is_gone_) return Status::Ok();
  if (batch_.as == Batch::As::kTogether && gathers_ && !storing_) Gather();
  const Pause::Pass pass(&context_->pause, &context_->stop);
  if (pass.waited() || !context_->lease.IsHeld()) grace_.BeginAnew();
  if (!pass || !context_->lease.AwaitHeld(context_->stop)) return {Code::kStopped, "stopped"};
  const Plan* plan = nullptr;
  const bool was_away = !target_.connected();
  if (Status status = Connect(); !status.ok()) return status;
  if (was_away) grace_.BeginAnew();
  if (Status status = Asking(lane_).For([&] { return target_.PlanFor(batch_.definition(), &plan); }); !status.ok()) return status;
  if (plan == nullptr && batch_.definition() != kUnreadable) {
    return {Code::kConfig, fmt::format("definition {} of what waits is not in the registry, or can't be read", batch_.definition()),
            "was it registered by hand, or by a newer version?"};
  }
  if (Status status = SkipCommitted(); !status.ok()) return status;
  if (plan != nullptr) {
    if (Status status = rewriter_.Run(*plan->definition, &batch_); !status.ok()) return status;
  }
  const bool keyed = plan != nullptr && plan->table.field_keys;
  if (plan != nullptr && !keyed) strays_.Reset();
  if (!IsMapped(plan)) {
    if (!keyed) {
      MapRows(plan);
    } else if (Status status = MapKeyedRows(*plan); !status.ok()) {
      return status;
    }
    coalescer_.Run(&batch_, keyed ? plan->table.keys.size() : 0);
    if (keyed && !target_.MovesRows()) SplitMoves(plan->table);
  }
  if (Status status = HandleRefused(); !status.ok()) return status;
  if (Status status = StoreStrays(); !status.ok()) return status;
  if (Status status = Secure(); !status.ok() || is_gone_) return status;
  return Commit(plan);
}

// Were its rows made ahead of time, and is nothing decided about any of them since? Only once: a batch that is
// tried again is mapped again.
bool Worker::IsMapped(const Plan* plan) {
  const std::uint64_t by = std::exchange(batch_.mapped_by, 0);
  return plan != nullptr && by == plan->table.id &&
         std::all_of(batch_.fates.begin(), batch_.fates.end(), [](const Fate& fate) { return fate.state == Fate::State::kPending; });
}

// A batch of at least half the size says that more waits. What a recipe's own function makes of a change, and
// which row a key had before, is known when the batch before it is written.
bool Worker::MayLookAhead(const Plan* plan) const {
  return plan != nullptr && !plan->table.field_keys && !context_->options.transformer && cut_.empty() &&
         batch_.records.size() >= std::max<std::size_t>(context_->options.max_batch_rows / 2, 1);
}

void Worker::MapRows(const Plan* plan) {
  arena_.Clear();
  batch_.rows.clear();
  for (std::uint32_t i = 0; i < batch_.records.size(); ++i) {
    if (batch_.fates[i].state != Fate::State::kPending) continue;
    Row row;
    if (plan == nullptr) {
      Refusal refusal;
      refusal.reason = "the stream entry can't be read";
      Refuse(i, std::move(refusal));
    } else if (MapOne(*plan, *batch_.records[i], i, &row)) {
      batch_.rows.push_back(row);
    }
  }
}

// Record `i`, which is `record`, or what the recipe's own function made of that. False: it is refused.
bool Worker::MapOne(const Plan& plan, const Record& record, std::uint32_t i, Row* row) {
  row->record = i;
  Refusal refusal;
  const std::string* refused = nullptr;
  const Record& made = rewriter_.Of(batch_, i, &refused);
  if (refused != nullptr) {
    refusal.reason = *refused;
  } else if (MapRecord(*plan.output, plan.table, record, made.fields, &arena_, row, &refusal)) {
    return true;
  }
  Refuse(i, std::move(refusal));
  return false;
}

Status Worker::Commit(const Plan* plan) {
  static const TablePlan no_plan;
  if (MayLookAhead(plan)) ahead_.Begin(plan);
  WriteResult result = Asking(lane_).For(
      [&] { return target_.Write(plan != nullptr ? plan->table : no_plan, batch_.heads, batch_.records, batch_.identity(), batch_.last()); });
  ahead_.End();
  switch (result.status.code()) {
    case Code::kRefused:
      if (result.refused.empty()) return {Code::kTransient, result.status.message(), result.status.hint()};
      was_in_order_ = plan != nullptr && IsInOrder(plan->table);
      for (Refusal& refusal : result.refused) {
        const Row& head = batch_.heads[refusal.row];
        if (batch_.fates[head.record].state == Fate::State::kFailed) continue;  // both its rows were refused
        if (head.merged) merged_refused_.push_back(head.record);
        Refuse(head.record, std::move(refusal));
      }
      break;
    case Code::kTransient:
    case Code::kConfig:
      target_.ForgetPlans();  // the table may have changed
      break;
    case Code::kFenced:
      target_.ForgetPositions();
      passed_.clear();
      strays_.Reset();  // what was read may be older than what the other engine committed
      recalled_ = false;
      none_rejected_ = 0;
      break;
    default: break;
  }
  return result.status;
}

void Worker::Count() {
  Counters& counters = context_->board.counters;
  std::uint64_t skipped = 0;
  std::uint64_t rejected = 0;
  std::uint64_t dropped = 0;
  for (const Fate& fate : batch_.fates) {
    skipped += fate.state == Fate::State::kSkipped ? 1 : 0;
    rejected += fate.state == Fate::State::kFailed ? 1 : 0;
    dropped += fate.state == Fate::State::kDropped ? 1 : 0;
  }
  const auto is_change = [](const Row& row) { return !row.left; };
  const auto written = std::count_if(batch_.heads.begin(), batch_.heads.end(), is_change);
  counters.written += static_cast<std::uint64_t>(written);
  counters.coalesced += static_cast<std::uint64_t>(std::count_if(batch_.rows.begin(), batch_.rows.end(), is_change) - written);
  counters.skipped += skipped;
  counters.filtered += dropped;
  counters.rejected += rejected;
  counters.bytes += batch_.bytes;
  ++counters.batches;
}

std::unique_ptr<Settlement> Worker::BuildSettlement() {
  auto settlement = std::make_unique<Settlement>();
  settlement->identity = batch_.identity();
  settlement->checkpoint_field = target_.CheckpointField(batch_.identity());
  settlement->last = batch_.last();
  settlement->reading = batch_.holdings.front().parcel->reading;
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
