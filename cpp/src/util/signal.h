// A wake-up that several queues can share: waiters sleep on a condition, never spin.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace writebehind {

// Thread-safe. The notifier makes its change first and calls Notify then; that costs one atomic instruction
// while nobody sleeps.
class Signal {
 public:
  void Notify() {
    // Written, not only read, though with nothing: then a waiter counts itself either before this, and is seen
    // here, or after it, and sees the change. A fence and a load would do too, but ThreadSanitizer knows no fences.
    if (sleepers_.fetch_add(0, std::memory_order_acq_rel) == 0) return;
    std::lock_guard lock(mutex_);
    wake_.notify_all();
  }

  // True if `ready()` became true before `deadline`.
  template <class Ready>
  bool WaitUntil(std::chrono::steady_clock::time_point deadline, Ready ready) {
    if (ready()) return true;
    std::unique_lock lock(mutex_);
    sleepers_.fetch_add(1, std::memory_order_acq_rel);
    const bool woken = wake_.wait_until(lock, deadline, ready);
    sleepers_.fetch_sub(1, std::memory_order_relaxed);
    return woken;
  }

  // Does somebody sleep, or is about to? Whoever notifies from now on wakes it.
  [[nodiscard]] bool awaited() const { return sleepers_.load(std::memory_order_acquire) > 0; }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<int> sleepers_{0};
};

}  // namespace writebehind
