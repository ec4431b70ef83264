// What a worker does where a constraint refuses a row that another order of changes may satisfy.
//
// Two keys that swap a UNIQUE value by way of a third pass in the order of their changes, but not coalesced: so the
// changes of refused keys are tried again one by one, each behind all that came before it, of every writer. What a
// foreign key then still refuses is tried together with what came behind it, until the row that it misses has come, or
// has not for so long as `constraint_grace`. Nothing behind it is committed by this writer meanwhile.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "ack/rejected.h"
#include "pipeline/lanes.h"
#include "pipeline/worker.h"
#include "util/log.h"

namespace writebehind {
namespace {

bool IsForeignKey(const Refusal& refusal) { return refusal.constraint == Constraint::kForeignKey; }
bool DependsOnOthers(const Refusal& refusal) { return refusal.constraint == Constraint::kOfRows || IsForeignKey(refusal); }

}  // namespace

// Until all entries before the batch's first are decided, of every writer. False: stopped.
bool Worker::AwaitTurn() {
  const std::size_t lanes = context_->lanes.size();
  if (lanes == 1) return true;
  const Parcel& parcel = *batch_.holdings.front().parcel;
  std::vector<std::uint64_t> before = parcel.before;
  for (const Record* one = parcel.records.data(); one != batch_.records.front(); ++one) ++before[LaneOf(one->key, lanes)];
  const auto ready = [&] {
    if (context_->stop.requested()) return true;
    for (std::size_t i = 0; i < lanes; ++i) {
      if (context_->lanes[i]->decided.load() < before[i]) return false;
    }
    return true;
  };
  lane_->waits = !ready();
  while (!context_->decided.WaitUntil(std::chrono::steady_clock::now() + std::chrono::hours(1), ready)) {
  }
  lane_->waits = false;
  return !context_->stop.requested();
}

void Worker::Decided() {
  lane_->waits = false;
  lane_->decided += batch_.records.size();
  context_->decided.Notify();
  grace_.Passed();
}

// Would the rows be written by themselves in the order in which they are written now? Then the search for those that
// are refused has tried each behind all that came before it.
bool Worker::IsInOrder(const TablePlan& plan) const {
  const auto is_plain = [](const Row& row) {
    return !row.is_delete && !row.replaces && !row.moves &&
           std::none_of(row.cells.begin(), row.cells.end(), [](const Cell& cell) { return cell.state == Cell::State::kKeep; });
  };
  return context_->lanes.size() == 1 && !plan.field_keys && batch_.heads.size() == batch_.rows.size() &&
         std::all_of(batch_.heads.begin(), batch_.heads.end(), is_plain);
}

// Ok: what is refused is so in any order.
Status Worker::TryInOrder() {
  const auto depends = [](const RefusedRecord& one) { return DependsOnOthers(one.second); };
  if (std::none_of(refused_.begin(), refused_.end(), depends)) return Status::Ok();
  const bool misses = std::any_of(refused_.begin(), refused_.end(), [](const RefusedRecord& one) { return IsForeignKey(one.second); });
  const bool is_first = batch_.as == Batch::As::kBatch && (batch_.records.size() > 1 || context_->lanes.size() > 1);
  if (is_first && (misses || !was_in_order_)) return Isolate();
  if (!misses) {
    // What keeps the first from being written by itself is behind these: they have had all the order that there is.
    const StreamId first = batch_.records.front()->id;
    return batch_.as == Batch::As::kTogether && std::exchange(isolated_, first) != first ? Isolate() : Status::Ok();
  }
  if (context_->rewinds.load()) grace_.BeginAnew();
  for (const auto& [record, refusal] : refused_) {
    if (IsForeignKey(refusal) && grace_.Waits(refusal.cause, batch_.records[record]->id, batch_.last())) return AwaitParent(record, refusal);
  }
  if (OthersWait()) return LeaveToOneWriter();
  if (batch_.as == Batch::As::kTogether) KeepForeignKeys();
  return Status::Ok();
}

// Cuts the batch so that each change of a key that was refused is a batch of its own.
Status Worker::Isolate() {
  std::unordered_set<std::string_view> keys;
  for (const auto& [record, refusal] : refused_) {
    if (DependsOnOthers(refusal)) keys.insert(batch_.records[record]->key);
  }
  TakeBack();
  const auto is_alone = [&](std::size_t i) {
    return batch_.fates[i].state == Fate::State::kPending && keys.contains(batch_.records[i]->key);
  };
  const auto as = [](bool alone) { return alone ? Batch::As::kAlone : Batch::As::kBatch; };
  bool alone = is_alone(batch_.records.size() - 1);
  for (std::size_t i = batch_.records.size() - 1; i > 0; --i) {
    const bool before = is_alone(i - 1);
    if (alone || before) {
      cut_.push_back(batch_.CutAt(i));
      cut_.back().as = as(alone);
    }
    alone = before;
  }
  batch_.as = as(alone);
  whole_ = false;
  return {Code::kRefused, "what a constraint refuses is tried again change by change"};
}

// The batch begins with what a foreign key refuses.
Status Worker::AwaitParent(std::uint32_t record, const Refusal& refusal) {
  Status waits(Code::kTransient,
               fmt::format("a foreign key's other row is waited for, up to {} s: key {}: {}",
                           std::chrono::duration<double>(context_->options.constraint_grace).count(), batch_.records[record]->key, Describe(refusal)),
               "write that row; else this change is rejected then");
  TakeBack();
  batch_.as = Batch::As::kTogether;
  awaits_row_ = lane_->waits = true;
  return waits;
}

// What has come behind the batch may be what a row of it misses.
void Worker::Gather() {
  const std::size_t before = batch_.records.size();
  if (Batch next = ahead_.GiveUp(); !next.empty()) cut_.insert(cut_.begin(), std::move(next));
  const PipelineOptions& options = context_->options;
  const auto joins = [&](const Batch& next) {
    return next.identity() == batch_.identity() && next.definition() == batch_.definition() &&
           batch_.bytes + next.bytes <= options.max_batch_bytes;
  };
  while (!cut_.empty() && joins(cut_.back())) {
    batch_.Join(std::move(cut_.back()));
    cut_.pop_back();
  }
  if (cut_.empty() && !ahead_.taken()) batcher_.Extend(&batch_);
  if (batch_.records.size() == before) return;
  whole_ = recalled_ = false;
  rewriter_.Clear();
}

// Another worker waits too, perhaps for this one, which may wait for what that one has.
bool Worker::OthersWait() const {
  return std::any_of(context_->lanes.begin(), context_->lanes.end(), [this](const auto& lane) { return lane.get() != lane_ && lane->waits.load(); });
}

// Rows that name each other are written together, and so by one writer: the turn ends, and the next has only that.
Status Worker::LeaveToOneWriter() {
  TakeBack();
  if (context_->stop.requested()) return {Code::kStopped, "stopped"};
  Log(LogLevel::kInfo, context_->options.name, "rows of several writers wait for each other: one writer goes on with what waits now");
  context_->BeginAnew(1);
  return {Code::kStopped, "left to one writer"};
}

// The wait is over: these are rejected, and the others then tried without them, as any batch.
void Worker::KeepForeignKeys() {
  std::erase_if(refused_, [this](const RefusedRecord& one) {
    if (IsForeignKey(one.second)) return false;
    std::erase(merged_refused_, one.first);
    batch_.fates[one.first] = Fate{};
    return true;
  });
  batch_.as = Batch::As::kBatch;
}

}  // namespace writebehind
