// An operator's pause: it is asked for, and complete once no worker writes any more.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>

#include "util/stop.h"

namespace writebehind {

// Thread-safe. A pipeline begins paused, until Redis says whether an operator paused it.
class Pause {
 public:
  // A worker's permission to write, for as long as it lives.
  class Pass {
   public:
    // Waits for the end of a pause.
    Pass(Pause* pause, Stop* stop) : pause_(pause) {
      // Counted before it looks: who sees nobody inside can be certain that nobody comes in.
      for (pause_->inside_.fetch_add(1); pause_->paused_.load(); pause_->inside_.fetch_add(1)) {
        pause_->inside_.fetch_sub(1);
        waited_ = true;
        if (stop->SleepFor(std::chrono::milliseconds(50))) continue;
        pause_ = nullptr;
        return;
      }
    }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    ~Pass() {
      if (pause_ != nullptr) pause_->inside_.fetch_sub(1);
    }

    // False: stopped before the pause ended.
    explicit operator bool() const { return pause_ != nullptr; }
    [[nodiscard]] bool waited() const { return waited_; }

   private:
    Pause* pause_;
    bool waited_ = false;
  };

  void Set(bool paused) { paused_.store(paused); }
  [[nodiscard]] bool asked() const { return paused_.load(); }
  [[nodiscard]] bool complete() const { return paused_.load() && inside_.load() == 0; }

 private:
  std::atomic<bool> paused_{true};
  std::atomic<std::size_t> inside_{0};
};

}  // namespace writebehind
