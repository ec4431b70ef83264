// Threads that are counted, and each an owner of what it works on: one that hangs in a driver call never outlives it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "util/thread_name.h"

namespace writebehind {

// Thread-safe.
class Threads {
 public:
  // `ended` runs in the last thread to end, each time that none is left.
  explicit Threads(std::function<void()> ended = {}) : state_(std::make_shared<State>()) { state_->on_end = std::move(ended); }

  // `failed(what)` is called in the thread with what `body` threw.
  template <class Owner, class Body, class Failed>
  void Run(std::shared_ptr<Owner> owner, const char* name, Body body, Failed failed) {
    {
      const std::lock_guard lock(state_->mutex);
      ++state_->count;
    }
    std::thread([owner = std::move(owner), state = state_, name, body = std::move(body), failed = std::move(failed)]() mutable {
      NameThread((std::string("wb-") + name).c_str());
      try {
        body();
      } catch (const std::exception& error) {
        failed(error.what());
      }
      // Before it counts as ended: who waited for that must be the last owner. What we own may be Python's, which a thread of ours
      // can't let go of any more once Python ends.
      owner.reset();
      state->End();
    }).detach();
  }

  // True: all have ended.
  bool Await(std::chrono::steady_clock::time_point deadline) const {
    std::unique_lock lock(state_->mutex);
    return state_->ended.wait_until(lock, deadline, [this] { return state_->count == 0; });
  }
  void Await() const {
    std::unique_lock lock(state_->mutex);
    state_->ended.wait(lock, [this] { return state_->count == 0; });
  }
  [[nodiscard]] bool none() const {
    const std::lock_guard lock(state_->mutex);
    return state_->count == 0;
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable ended;
    std::size_t count = 0;
    std::function<void()> on_end;

    void End() {
      bool last = false;
      {
        const std::lock_guard lock(mutex);
        last = --count == 0;
        if (last) ended.notify_all();
      }
      if (last && on_end) on_end();
    }
  };
  std::shared_ptr<State> state_;
};

}  // namespace writebehind
