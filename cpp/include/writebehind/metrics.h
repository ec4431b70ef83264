// What a running pipeline says of itself.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

#include "writebehind/stream_id.h"

namespace writebehind {

enum class State { kStarting, kRunning, kRetrying, kPaused, kStandby, kStopped, kHalted };
const char* StateText(State state);

// Counts since the engine started. Each change that was read is counted once it is settled, as exactly
// one of written, coalesced, filtered, rejected or skipped.
struct Counters {
  std::atomic<std::uint64_t> written{0};
  std::atomic<std::uint64_t> coalesced{0};
  std::atomic<std::uint64_t> filtered{0};
  std::atomic<std::uint64_t> rejected{0};
  std::atomic<std::uint64_t> skipped{0};  // committed before a crash, delivered again
  std::atomic<std::uint64_t> batches{0};
  std::atomic<std::uint64_t> retries{0};
  std::atomic<std::uint64_t> bytes{0};
};

// Thread-safe.
class StatusBoard {
 public:
  Counters counters;

  // A failure that is being retried; `who` is cleared by Recovered(who).
  void Failing(const std::string& who, const std::string& message);
  void Recovered(const std::string& who);
  // Who failed is no more.
  void ForgetFailure();
  void Set(State state, const std::string& message = {});
  void SetSettled(StreamId id);
  // Redis came back as it was earlier; said for as long as the engine runs.
  void SetRestored(const std::string& message);

  struct Snapshot {
    State state = State::kStarting;
    std::string message;
    StreamId settled;
    std::string restored;  // empty: never
  };
  [[nodiscard]] Snapshot Get() const;

 private:
  mutable std::mutex mutex_;
  State state_ = State::kStarting;
  std::string message_;
  std::string failing_who_;
  std::string failing_message_;
  StreamId settled_;
  std::string restored_;
};

}  // namespace writebehind
