// Collects a writer's next batch from what has arrived.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "batch/batch.h"
#include "batch/key_count.h"
#include "util/bounded_queue.h"
#include "util/stop.h"

namespace writebehind {

struct BatchLimits {
  std::size_t rows;                     // at most, and at least one: records of different keys
  std::size_t bytes;                    // at most, but one record always fits
  std::size_t enough;                   // rows that end a busy writer's wait for more
  std::chrono::milliseconds patience;   // and the time that does
};

// Belongs to one worker. An idle writer takes what is there at once; while it commits, the next batch
// grows. Only a writer whose last batch was a full one waits for more.
class Batcher {
 public:
  Batcher(BatchLimits limits, BoundedQueue<Share>* shares, Signal* arrived, const Stop* stop)
      : limits_(limits), shares_(shares), arrived_(arrived), stop_(stop), keys_(limits.rows) {}

  // Waits for the next batch. An empty one says that reading begins anew. False: stopped, or the queue was
  // closed and is empty.
  // REQUIRES: `batch` is clear, or what TryNext left.
  bool Next(Batch* batch);

  // The same without waiting: false where it could still grow. Next then goes on with what has been taken.
  // REQUIRES: `batch` is clear.
  bool TryNext(Batch* batch);

  // Adds what has arrived and fits, if it can be taken behind those of `batch`, which came before it.
  void Extend(Batch* batch);

 private:
  bool Await(std::chrono::steady_clock::time_point deadline);
  bool Fill(Batch* batch);
  [[nodiscard]] bool Fits(const Batch& batch, const Record& record);
  void Finish(Batch* batch);
  bool FitsItsKey(const Batch& batch, const Record& record);

  // Records of a batch for each row: what waits for a key is written as one row, so a batch of hot keys takes
  // many. But the next must have room in memory beside it.
  static constexpr std::size_t kRecordsPerRow = 4;

  BatchLimits limits_;
  BoundedQueue<Share>* shares_;
  Signal* arrived_;
  const Stop* stop_;
  std::unique_ptr<Share> share_;  // the one that is being taken from
  std::size_t next_ = 0;          // its next record
  bool busy_ = false;
  KeyCount keys_;  // of a batch with more records than rows
};

}  // namespace writebehind
