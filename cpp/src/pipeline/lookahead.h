// Takes and maps a worker's next batch while the database works on the one before: a core that would wait does
// what the database would then wait for. Only where a full batch has arrived already; an idle writer, or one
// with little to do, gains nothing from it, and its batch had better grow.
#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include "batch/batch.h"
#include "batch/batcher.h"
#include "batch/coalescer.h"
#include "pipeline/target.h"
#include "transform/row_arena.h"

namespace writebehind {

// A batch, and what its rows live in.
struct MappedBatch {
  Batch batch;
  RowArena arena;
  Coalescer coalescer;
};

// Belongs to one worker, whose thread calls all of it; its own thread works between Begin and End alone, and
// has the batcher to itself for that time.
class Lookahead {
 public:
  explicit Lookahead(Batcher* batcher) : batcher_(batcher) {}
  ~Lookahead();
  Lookahead(const Lookahead&) = delete;
  Lookahead& operator=(const Lookahead&) = delete;

  // REQUIRES: `plan` stays as it is until End.
  void Begin(const Plan* plan);
  // Waits for what was begun, which is soon done; without Begin, it does nothing. Throws what it threw.
  void End();

  // What was taken from the batcher, full or not, comes next. `*full`: nothing is to be added to it.
  bool Take(Batch* batch, RowArena* arena, Coalescer* coalescer, bool* full);

  // Something was taken: what the batcher has comes behind it.
  [[nodiscard]] bool taken() const { return taken_; }
  // The batch that was taken, without its rows; empty: none was.
  Batch GiveUp();

 private:
  void Run();
  void Prepare(const Plan& plan);

  Batcher* batcher_;
  MappedBatch next_;
  bool taken_ = false;  // next_ holds something
  bool full_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  const Plan* plan_ = nullptr;  // not null: to be worked on
  bool closing_ = false;
  std::exception_ptr failure_;
  std::thread thread_;  // started by the first Begin
};

}  // namespace writebehind
