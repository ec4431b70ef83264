#include "batch/batcher.h"

namespace writebehind {

using Clock = std::chrono::steady_clock;

bool Batcher::Await(Clock::time_point deadline) {
  arrived_->WaitUntil(deadline, [this] { return stop_->requested() || !shares_->empty() || shares_->closed(); });
  return !stop_->requested() && !shares_->empty();
}

bool Batcher::Fits(const Batch& batch, const Record& record) {
  if (batch.empty()) return true;
  return batch.bytes + record.packed.size() <= limits_.bytes && record.identity == batch.identity() &&
         record.definition == batch.definition() && FitsItsKey(batch, record);
}

// The keys are counted when there are as many records as rows may be: most batches never have more.
bool Batcher::FitsItsKey(const Batch& batch, const Record& record) {
  if (batch.records.size() < limits_.rows) return true;
  if (batch.records.size() >= kRecordsPerRow * limits_.rows) return false;
  if (batch.records.size() == limits_.rows) {
    keys_.Clear();
    for (const Record* taken : batch.records) keys_.Add(taken->key);
  }
  return keys_.Has(record.key) || (keys_.count() < limits_.rows && keys_.Add(record.key));
}

// Takes what is there. False: the batch can take no more.
bool Batcher::Fill(Batch* batch) {
  for (;;) {
    if (!share_) {
      share_ = shares_->TryPop();
      next_ = 0;
      if (!share_) return true;
    }
    if (!share_->parcel) {
      if (batch->empty()) share_.reset();
      return false;
    }
    std::size_t taken = 0;
    for (; next_ < share_->size(); ++next_, ++taken) {
      const Record& record = share_->record(next_);
      if (!Fits(*batch, record)) break;
      batch->records.push_back(&record);
      batch->bytes += record.packed.size();
    }
    if (taken > 0) {
      batch->holdings.push_back({share_->parcel, taken});
      batch->again = batch->again || share_->parcel->again;
    }
    if (next_ < share_->size()) return false;
    share_.reset();
  }
}

bool Batcher::TryNext(Batch* batch) {
  if (Fill(batch)) return false;
  Finish(batch);
  return true;
}

void Batcher::Extend(Batch* batch) {
  // Its keys are counted anew when it has so many, and only then.
  if (batch->records.size() > limits_.rows) return;
  Fill(batch);
  batch->fates.resize(batch->records.size());
}

void Batcher::Finish(Batch* batch) {
  busy_ = batch->records.size() >= limits_.enough;
  batch->fates.resize(batch->records.size());
}

bool Batcher::Next(Batch* batch) {
  while (batch->empty() && !share_ && shares_->empty()) {
    if (stop_->requested()) return false;
    if (shares_->closed() && shares_->empty()) return false;
    busy_ = false;  // it had nothing to do
    Await(Clock::now() + std::chrono::hours(1));
  }
  if (stop_->requested()) return false;
  bool open = Fill(batch);
  if (busy_ && limits_.patience.count() > 0) {
    const auto deadline = Clock::now() + limits_.patience;
    while (open && batch->records.size() < limits_.enough && Await(deadline)) open = Fill(batch);
  }
  Finish(batch);
  return !stop_->requested();
}

}  // namespace writebehind
