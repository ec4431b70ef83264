#include "pipeline/lookahead.h"

#include <utility>

#include "transform/mapping.h"
#include "util/thread_name.h"

namespace writebehind {

Lookahead::~Lookahead() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Lookahead::Begin(const Plan* plan) {
  if (taken_) return;
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
  const std::lock_guard lock(mutex_);
  plan_ = plan;
  changed_.notify_all();
}

void Lookahead::End() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return plan_ == nullptr; });
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void Lookahead::Run() {
  NameThread("wb-ahead");
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return plan_ != nullptr || closing_; });
    if (plan_ == nullptr) return;
    lock.unlock();
    std::exception_ptr failure;
    try {
      Prepare(*plan_);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    failure_ = failure;
    plan_ = nullptr;
    changed_.notify_all();
  }
}

// Rows only of a batch that needs no decision: the worker maps any other itself.
void Lookahead::Prepare(const Plan& plan) {
  Batch& batch = next_.batch;
  batch.Clear();
  full_ = batcher_->TryNext(&batch);
  taken_ = full_ || !batch.empty();
  if (!full_ || batch.empty() || batch.definition() != plan.definition->serial) return;
  next_.arena.Clear();
  for (std::uint32_t i = 0; i < batch.records.size(); ++i) {
    const Record& record = *batch.records[i];
    Row row;
    row.record = i;
    Refusal unused;
    if (!MapRecord(*plan.output, plan.table, record, record.fields, &next_.arena, &row, &unused)) return;
    batch.rows.push_back(row);
  }
  next_.coalescer.Run(&batch);
  batch.mapped_by = plan.table.id;
}

bool Lookahead::Take(Batch* batch, RowArena* arena, Coalescer* coalescer, bool* full) {
  if (!taken_) return false;
  taken_ = false;
  *full = full_;
  std::swap(*batch, next_.batch);
  std::swap(*arena, next_.arena);
  std::swap(*coalescer, next_.coalescer);
  next_.batch.Clear();  // it is done: what kept it alive goes, and its share of the budget is free
  return true;
}

Batch Lookahead::GiveUp() {
  Batch batch;
  if (!taken_ || next_.batch.empty()) return batch;
  taken_ = false;
  std::swap(batch, next_.batch);
  batch.fates.resize(batch.records.size());
  batch.mapped_by = 0;
  return batch;
}

}  // namespace writebehind
