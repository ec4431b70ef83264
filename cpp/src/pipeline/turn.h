// A turn of work on a pipeline, between the taking of its lease and the end or loss of that: the feeder, the workers
// and the settler, with all that they hold in memory.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "pipeline/context.h"
#include "pipeline/feeder.h"
#include "pipeline/settle_loop.h"
#include "pipeline/worker.h"
#include "util/threads.h"

namespace writebehind {

// Thread-safe. Owned by its threads too.
class Turn : public std::enable_shared_from_this<Turn> {
 public:
  explicit Turn(std::shared_ptr<Shared> shared);

  // Once.
  void Start();
  // What is under way is finished and settled, for three quarters of `timeout` at most, then cancelled. Returns when all
  // has ended, or at the deadline.
  void Stop(std::chrono::milliseconds timeout, std::chrono::steady_clock::time_point deadline);
  // What is under way is cancelled, and nothing is settled. Returns at once.
  void Abort();

  [[nodiscard]] bool ended() const { return threads_.none(); }
  // It ended, or soon will, so that another may follow.
  [[nodiscard]] bool begins_anew() const { return context_.begins_anew.load(); }
  void AwaitEnd() const { threads_.Await(); }

  // The oldest entry that waits in the engine.
  [[nodiscard]] std::optional<StreamId> Oldest() const { return context_.tracker.Oldest(); }

 private:
  template <class Body>
  void Run(const char* name, Body body);
  void Cancel();

  Context context_;
  Feeder feeder_;
  SettleLoop settle_loop_;
  std::vector<std::unique_ptr<Worker>> workers_;
  Threads threads_;
};

}  // namespace writebehind
