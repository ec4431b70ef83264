#include "writebehind/metrics.h"

namespace writebehind {

const char* StateText(State state) {
  switch (state) {
    case State::kStarting: return "starting";
    case State::kRunning: return "running";
    case State::kRetrying: return "retrying";
    case State::kPaused: return "paused";
    case State::kStandby: return "standby";
    case State::kStopped: return "stopped";
    case State::kHalted: return "halted";
  }
  return "unknown";
}

void StatusBoard::Failing(const std::string& who, const std::string& message) {
  std::lock_guard lock(mutex_);
  failing_who_ = who;
  failing_message_ = message;
}

void StatusBoard::Recovered(const std::string& who) {
  std::lock_guard lock(mutex_);
  if (failing_who_ != who) return;
  failing_who_.clear();
  failing_message_.clear();
}

void StatusBoard::ForgetFailure() {
  std::lock_guard lock(mutex_);
  failing_who_.clear();
  failing_message_.clear();
}

void StatusBoard::Set(State state, const std::string& message) {
  std::lock_guard lock(mutex_);
  state_ = state;
  message_ = message;
}

void StatusBoard::SetSettled(StreamId id) {
  std::lock_guard lock(mutex_);
  settled_ = id;
}

void StatusBoard::SetRestored(const std::string& message) {
  std::lock_guard lock(mutex_);
  restored_ = message;
}

StatusBoard::Snapshot StatusBoard::Get() const {
  std::lock_guard lock(mutex_);
  if (state_ == State::kRunning && !failing_who_.empty()) return {State::kRetrying, failing_message_, settled_, restored_};
  return {state_, message_, settled_, restored_};
}

}  // namespace writebehind
