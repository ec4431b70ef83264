// The only loop that retries, and the only place that decides what a Status code leads to.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "util/backoff.h"
#include "util/stop.h"
#include "writebehind/metrics.h"
#include "writebehind/status.h"

namespace writebehind {

enum class Next {
  kDone,
  kAgain,    // at once: the failure itself changed what is tried
  kBackOff,  // after a wait, over the same connection
  kReopen,   // after a wait, over a new connection
  kStop,
};

// Pure; tests/cpp/pipeline/retry_test.cc is its table.
Next Decide(Code code);

// One per thread that retries.
class Retry {
 public:
  Retry(std::string pipeline, std::string who, std::chrono::milliseconds longest, const Stop* stop, StatusBoard* board);

  // Calls `attempt` until it is Ok; calls `reopen` where a new connection is wanted. A failure is logged
  // when its message changes and every 30 s. False: stopped, nothing is decided.
  bool Until(const std::function<Status()>& attempt, const std::function<void()>& reopen);

 private:
  void Report(const Status& status);

  std::string pipeline_;
  std::string who_;
  const Stop* stop_;
  StatusBoard* board_;
  Backoff backoff_;
  std::string reported_;
  std::chrono::steady_clock::time_point reported_at_;
};

}  // namespace writebehind
