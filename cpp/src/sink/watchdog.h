// Ends a driver call that a frozen server would let hang for ever: libpq waits without a limit of its own.
//
// One thread of its own, which sleeps unless a call is under way past its time. `act` runs in that thread,
// at most once per Watch, and never after Watch's destructor returned.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace writebehind {

class Watchdog {
 public:
  // `limit` 0: never acts.
  Watchdog(std::chrono::milliseconds limit, std::function<void()> act) : limit_(limit), act_(std::move(act)) {
    if (limit_.count() > 0) thread_ = std::thread([this] { Run(); });
  }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

  // A call under way, from construction to destruction.
  class Watch {
   public:
    explicit Watch(Watchdog* dog) : dog_(dog) { dog_->Set(Clock::now() + dog_->limit_); }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch() { dog_->Set(Clock::time_point::max()); }

   private:
    Watchdog* dog_;
  };

 private:
  using Clock = std::chrono::steady_clock;

  void Set(Clock::time_point deadline) {
    const std::lock_guard lock(mutex_);
    // A sleeper that wakes early sleeps on, so only the first call of a quiet time has to wake it.
    const bool wake = deadline < wakes_;
    deadline_ = deadline;
    if (wake) changed_.notify_one();
  }

  void Run() {
    std::unique_lock lock(mutex_);
    while (!ended_) {
      if (Clock::now() >= deadline_) {
        deadline_ = Clock::time_point::max();
        act_();
        continue;
      }
      // Never asleep for longer than a limit, so that calls in quick succession need not wake it.
      wakes_ = std::min(deadline_, Clock::now() + limit_);
      changed_.wait_until(lock, wakes_);
    }
  }

  const std::chrono::milliseconds limit_;
  const std::function<void()> act_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Clock::time_point deadline_ = Clock::time_point::max();
  Clock::time_point wakes_ = Clock::time_point::max();
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace writebehind
