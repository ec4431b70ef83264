// What the threads of one pipeline share: in all turns of work, and in one.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "ack/settlement.h"
#include "ack/tracker.h"
#include "pipeline/definitions.h"
#include "pipeline/lease.h"
#include "pipeline/pause.h"
#include "pipeline/survival.h"
#include "util/bounded_queue.h"
#include "util/signal.h"
#include "util/stop.h"
#include "writebehind/metrics.h"
#include "writebehind/options.h"
#include "writebehind/parcel.h"

namespace writebehind {

// Since some moment before the process began.
inline std::int64_t SteadyMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// A writer's two queues, and what it is at.
struct Lane {
  explicit Lane(Signal* settle) : shares(kShares, &arrived), settlements(kSettlements, settle) {}

  static constexpr std::size_t kShares = 256;
  static constexpr std::size_t kSettlements = 64;

  Signal arrived;
  BoundedQueue<Share> shares;            // feeder to worker
  std::atomic<std::int64_t> asked_at_ms{0};  // by SteadyMs, when the database was asked what it has not answered; 0: nothing
  std::atomic<bool> waits{false};            // its worker does, for other workers' changes or for a foreign key's row
  std::atomic<std::uint64_t> decided{0};     // of the records dealt to it: so many are written or rejected, the first ones
  BoundedQueue<Settlement> settlements;  // worker to settler
};

// While it lives its worker waits for the database.
struct Asking {
  explicit Asking(Lane* by) : lane(by) { lane->asked_at_ms.store(SteadyMs()); }
  ~Asking() { lane->asked_at_ms.store(0); }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;

  template <typename Call>
  auto For(const Call& call) const {
    return call();
  }

  Lane* const lane;
};

struct Shared {
  explicit Shared(PipelineOptions given)
      : options(std::move(given)), definitions(options.name), lease(options), writers(options.writers) {}

  const PipelineOptions options;
  Definitions definitions;
  StatusBoard board;
  Lease lease;
  std::atomic<std::size_t> writers;  // of the next turn
  Stop stop;  // all
};

// Of one turn of work, from the taking of the lease to its end or loss: nothing of it is known to the next.
struct Context {
  explicit Context(std::shared_ptr<Shared> given)
      : shared(std::move(given)),
        options(shared->options),
        definitions(shared->definitions),
        board(shared->board),
        lease(shared->lease),
        token(lease.token()),
        writers(shared->writers.load()),
        survival(options),
        budget(std::make_shared<Budget>(2 * options.max_batch_bytes + (writers + 1) * options.max_batch_rows * kSmallRecord)) {
    for (std::size_t i = 0; i < writers; ++i) lanes.push_back(std::make_unique<Lane>(&settle));
  }

  // Stops feeder and workers: what is under way is finished, nothing is begun.
  void StopSoon() {
    stop.Request();
    budget->Close();
    decided.Notify();
    for (auto& lane : lanes) {
      lane->shares.Close();
      lane->arrived.Notify();
    }
  }

  // The same, and another turn follows at once, with so many writers.
  void BeginAnew(std::size_t with) {
    shared->writers = with;
    begins_anew = true;
    StopSoon();
  }

  // What a change of a few short fields takes beside its bytes: so many rows as may be under way always find room.
  static constexpr std::size_t kSmallRecord = 512;

  const std::shared_ptr<Shared> shared;
  const PipelineOptions& options;
  Definitions& definitions;
  StatusBoard& board;
  const Lease& lease;
  const std::string token;  // of this turn
  const std::size_t writers;
  Survival survival;
  Tracker tracker;
  std::shared_ptr<Budget> budget;
  Signal settle;
  Signal decided;  // some lane's count grew
  std::vector<std::unique_ptr<Lane>> lanes;
  Stop stop;      // feeder and workers
  Stop stop_all;  // the settler too
  Pause pause;
  std::atomic<std::size_t> workers_alive{0};
  std::atomic<std::uint64_t> readings{0};  // of the stream from its beginning
  std::atomic<bool> read_again{false};     // the settler wants another
  std::atomic<bool> begins_anew{false};
  std::atomic<bool> rewinds{true};         // the reader has no connection, or waits for what is under way to begin anew
  std::mutex restoring;                    // one worker at a time gives the stream a new identity
  std::set<std::uint64_t> restored;        // identities that were found to be behind the target; guarded by it
};

}  // namespace writebehind
