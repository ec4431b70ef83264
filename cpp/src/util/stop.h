// A request to stop that interrupts sleeps.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace writebehind {

// Thread-safe.
class Stop {
 public:
  void Request() {
    std::lock_guard lock(mutex_);
    requested_.store(true);
    wake_.notify_all();
  }
  [[nodiscard]] bool requested() const { return requested_.load(); }

  // False: stopped before the time was over.
  bool SleepFor(std::chrono::milliseconds time) const {
    std::unique_lock lock(mutex_);
    return !wake_.wait_for(lock, time, [this] { return requested_.load(); });
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable wake_;
  std::atomic<bool> requested_{false};
};

}  // namespace writebehind
