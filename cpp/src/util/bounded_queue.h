// A bounded queue between two threads: Boost.Lockfree's ring with a Signal at each end.
//
// One producer, one consumer. It owns what is in it; what is left when it is destroyed is deleted.
// Source: https://www.boost.org/doc/libs/1_74_0/doc/html/boost/lockfree/spsc_queue.html
#pragma once

#include <atomic>
#include <boost/lockfree/spsc_queue.hpp>
#include <chrono>
#include <cstddef>
#include <memory>

#include "util/signal.h"

namespace writebehind {

template <class T>
class BoundedQueue {
 public:
  // `consumer` wakes whoever pops; several queues may share it. It must outlive the queue.
  BoundedQueue(std::size_t capacity, Signal* consumer) : ring_(capacity), consumer_(consumer) {}
  BoundedQueue(const BoundedQueue&) = delete;
  BoundedQueue& operator=(const BoundedQueue&) = delete;
  ~BoundedQueue() {
    ring_.consume_all([](T* left) { std::unique_ptr<T> gone(left); });
  }

  // Waits while the queue is full. Once the queue is closed: false, and `value` is deleted.
  bool Push(std::unique_ptr<T> value) {
    while (!closed_.load()) {
      if (ring_.push(value.get())) {
        static_cast<void>(value.release());  // the ring owns it now
        consumer_->Notify();
        return true;
      }
      producer_.WaitUntil(std::chrono::steady_clock::now() + std::chrono::hours(1),
                          [this] { return closed_.load() || ring_.write_available() > 0; });
    }
    return false;
  }

  // Ends pushing; what is in the queue can still be popped. From any thread.
  void Close() {
    closed_.store(true);
    producer_.Notify();
    consumer_->Notify();
  }
  [[nodiscard]] bool closed() const { return closed_.load(); }

  // Null when nothing is there.
  std::unique_ptr<T> TryPop() {
    T* raw = nullptr;
    if (!ring_.pop(raw)) return nullptr;
    producer_.Notify();
    return std::unique_ptr<T>(raw);
  }

  [[nodiscard]] bool empty() const { return ring_.read_available() == 0; }

 private:
  boost::lockfree::spsc_queue<T*> ring_;
  Signal* consumer_;
  Signal producer_;
  std::atomic<bool> closed_{false};
};

}  // namespace writebehind
