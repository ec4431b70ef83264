// A wake-up that several queues can share: waiters sleep on a condition, never spin.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace writebehind {

// Thread-safe. The notifier makes its change visible first and calls Notify then; that costs a fence and
// a load while nobody sleeps.
class Signal {
 public:
  void Notify() {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (sleepers_.load(std::memory_order_relaxed) == 0) return;
    std::lock_guard lock(mutex_);
    wake_.notify_all();
  }

  // True if `ready()` became true before `deadline`.
  template <class Ready>
  bool WaitUntil(std::chrono::steady_clock::time_point deadline, Ready ready) {
    if (ready()) return true;
    std::unique_lock lock(mutex_);
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const bool woken = wake_.wait_until(lock, deadline, ready);
    sleepers_.fetch_sub(1, std::memory_order_relaxed);
    return woken;
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<int> sleepers_{0};
};

}  // namespace writebehind
