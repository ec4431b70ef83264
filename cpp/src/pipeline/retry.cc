#include "pipeline/retry.h"

#include "util/log.h"

namespace writebehind {

Next Decide(Code code) {
  switch (code) {
    case Code::kOk: return Next::kDone;
    case Code::kRefused: return Next::kAgain;  // the refused rows are out of the next attempt
    case Code::kTransient:
    case Code::kConfig:
    case Code::kCorrupt: return Next::kBackOff;
    case Code::kNotConnected:
    case Code::kFenced:
    case Code::kInDoubt: return Next::kReopen;
    case Code::kStopped: return Next::kStop;
  }
  return Next::kBackOff;
}

Retry::Retry(std::string pipeline, std::string who, std::chrono::milliseconds longest, const Stop* stop, StatusBoard* board)
    : pipeline_(std::move(pipeline)),
      who_(std::move(who)),
      stop_(stop),
      board_(board),
      backoff_(std::min(longest, std::chrono::milliseconds(100)), longest) {}

void Retry::Report(const Status& status) {
  const std::string text = status.hint().empty() ? status.message() : status.message() + " (" + status.hint() + ")";
  board_->Failing(who_, text);
  ++board_->counters.retries;
  const auto now = std::chrono::steady_clock::now();
  if (text == reported_ && now - reported_at_ < std::chrono::seconds(30)) return;
  Log(LogLevel::kWarning, pipeline_, text + "; trying again");
  reported_ = text;
  reported_at_ = now;
}

bool Retry::Until(const std::function<Status()>& attempt, const std::function<void()>& reopen) {
  for (;;) {
    if (stop_->requested()) return false;
    const Status status = attempt();
    const Next next = Decide(status.code());
    if (next == Next::kDone) break;
    if (next == Next::kStop) return false;
    if (next == Next::kAgain) continue;
    Report(status);
    if (next == Next::kReopen) reopen();
    if (!stop_->SleepFor(backoff_.Next())) return false;
  }
  backoff_.Reset();
  if (!reported_.empty()) {
    Log(LogLevel::kInfo, pipeline_, who_ + ": works again");
    reported_.clear();
    board_->Recovered(who_);
  }
  return true;
}

}  // namespace writebehind
