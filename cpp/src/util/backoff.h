// Exponential backoff with jitter, for the loops that retry.
//
// Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ ("equal jitter")
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace writebehind {

// Not thread-safe; one per loop.
class Backoff {
 public:
  Backoff(std::chrono::milliseconds first, std::chrono::milliseconds most) : first_(first), most_(most), next_(first) {}

  // The next wait: half of the step for sure, the other half at random, so that engines that lost the same
  // server don't come back in step.
  std::chrono::milliseconds Next() {
    const auto step = std::min(next_, most_);
    next_ = std::min(next_ * 2, most_);
    std::uniform_int_distribution<std::chrono::milliseconds::rep> jitter(0, step.count() / 2);
    return step - step / 2 + std::chrono::milliseconds(jitter(random_));
  }
  void Reset() { next_ = first_; }

 private:
  std::chrono::milliseconds first_;
  std::chrono::milliseconds most_;
  std::chrono::milliseconds next_;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace writebehind
