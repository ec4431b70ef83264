// What a worker does with the changes that a cast or the target refuses.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "ack/rejected.h"
#include "pipeline/redis_line.h"
#include "pipeline/worker.h"
#include "util/log.h"

namespace writebehind {
namespace {

constexpr std::size_t kLoggedRefusals = 10;  // of one batch

}  // namespace

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

// What may be listed as rejected is not taken back: it must not be written all the same.
void Worker::TakeBack() {
  if (storing_) return;
  for (const auto& [record, refusal] : refused_) batch_.fates[record] = Fate{};
  refused_.clear();
  merged_refused_.clear();
}

// The column or the constraint that refused all of them; empty: there is no such one.
std::string Worker::CommonCause() const {
  std::string column = refused_.front().second.column;
  std::string cause = refused_.front().second.cause;
  for (const auto& [record, refusal] : refused_) {
    if (refusal.column != column) column.clear();
    if (refusal.cause != cause) cause.clear();
  }
  return column.empty() ? cause : "column " + column;
}

// All keys of the batch are refused for one cause, the second time running. What is left of a batch that was
// cut has no say: it was asked whole.
bool Worker::HoldsAll() {
  if (!whole_) return false;
  std::unordered_set<std::string_view> refused_keys;
  for (const auto& [record, refusal] : refused_) refused_keys.insert(batch_.records[record]->key);
  std::unordered_set<std::string_view> keys;
  if (refused_keys.size() >= Brake::kLeastKeys) {
    for (std::size_t i = 0; i < batch_.records.size(); ++i) {
      const Fate::State state = batch_.fates[i].state;
      if (state != Fate::State::kSkipped && state != Fate::State::kDropped) keys.insert(batch_.records[i]->key);
    }
  }
  return keys.size() == refused_keys.size() && brake_.Holds(keys.size(), CommonCause());
}

// A refused row that took something from earlier changes of its key does not say whose fault it was. So the
// batch is cut between them, until a change that is refused is so by itself: of what it leaves alone the
// table then holds what the earlier ones made of it. By halves, for many such rows.
bool Worker::CutMerged() {
  if (merged_refused_.empty()) return false;
  const auto middle = merged_refused_.begin() + static_cast<std::ptrdiff_t>(merged_refused_.size() / 2);
  std::nth_element(merged_refused_.begin(), middle, merged_refused_.end());
  CutAt(*middle);
  return true;
}

// The rest comes as a batch of its own.
void Worker::CutAt(std::size_t at) {
  TakeBack();
  cut_.push_back(batch_.CutAt(at));
  whole_ = false;
}

// Decides whether what was refused is to be rejected, and stores it before anything is committed past it.
Status Worker::HandleRefused() {
  if (refused_.empty()) return Status::Ok();
  if (storing_) return StoreRefused();
  bool changed = false;
  if (Status status = target_.CatalogChanged(batch_.definition(), &changed); !status.ok()) {
    TakeBack();
    return status;
  }
  if (changed) {
    TakeBack();
    return {Code::kRefused, "the table was changed meanwhile"};
  }
  if (HoldsAll()) {
    Status held(Code::kTransient,
                fmt::format("writing is paused: every row of two batches was refused for one cause: {}", Describe(refused_.front().second)),
                "mend the table or the mapping; it goes on by itself");
    TakeBack();
    target_.ForgetPlans();
    return held;
  }
  if (Status status = TryInOrder(); !status.ok()) return status;
  if (CutMerged()) return {Code::kRefused, "a row that takes something from earlier changes of its key was refused"};
  return context_->options.stop_on_reject ? Halt() : StoreRefused();
}

// At the first change that is refused: what came before it is written.
Status Worker::Halt() {
  const auto& [record, refusal] = *std::min_element(refused_.begin(), refused_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  if (record > 0) {
    CutAt(record);
    return {Code::kRefused, "what came before a change that is refused is written first"};
  }
  const std::string what = fmt::format("halted by error_handling: stop: key {}: {}", batch_.records[record]->key, Describe(refusal));
  context_->board.Set(State::kHalted, what);
  Log(LogLevel::kError, context_->options.name, what);
  context_->StopSoon();
  return {Code::kStopped, what};
}

Status Worker::StoreRefused() {
  if (Status status = OpenRedis(); !status.ok()) return status;
  storing_ = true;
  RedisLine line(&redis_, context_->token);
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
    brake_.Rejected(batch_.records[record]->key);
    if (++logged > kLoggedRefusals) continue;
    Log(LogLevel::kWarning, context_->options.name, fmt::format("rejected key {}: {}", batch_.records[record]->key, Describe(refusal)));
  }
  if (logged > kLoggedRefusals) {
    Log(LogLevel::kWarning, context_->options.name, fmt::format("and {} more rejected in this batch", logged - kLoggedRefusals));
  }
  refused_.clear();
  storing_ = false;
  return Status::Ok();
}

}  // namespace writebehind
