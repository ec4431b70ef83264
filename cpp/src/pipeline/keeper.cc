#include "pipeline/keeper.h"

#include <fmt/format.h>

#include <algorithm>

#include "util/log.h"

namespace writebehind {

Keeper::Keeper(Shared* shared)
    : shared_(shared),
      lease_(shared->lease),
      retry_(shared->options.name, "lease", std::min(shared->options.retry_interval, shared->lease.beat()), &shared->stop, &shared->board) {}

void Keeper::Run(const std::function<std::shared_ptr<Turn>()>& begin, const std::function<void()>& end) {
  bool goes_on = true;
  while (goes_on && Take()) {
    auto turn = begin();
    if (turn == nullptr) break;
    const bool is_lost = !Hold(turn.get());
    if (is_lost) turn->Abort();
    turn->AwaitEnd();
    goes_on = is_lost || turn->begins_anew();
    turn.reset();
    end();
    lease_.GiveUp();
  }
  lease_.GiveUp();
}

// False: there is nothing to be done any more.
bool Keeper::Take() {
  lease_.MakeToken();
  for (;;) {
    auto found = Lease::Turn::kAnothers;
    if (!retry_.Until([&] { return lease_.Ask(&found); }, [this] { lease_.Close(); })) return false;
    if (lease_.IsUnregistered()) {
      Log(LogLevel::kInfo, shared_->options.name, "the pipeline was unregistered: its engine ends");
      shared_->board.Set(State::kStopped, "the pipeline was unregistered");
      return false;
    }
    if (found != Lease::Turn::kAnothers) break;
    if (!StandsBy()) return false;
  }
  if (!standing_by_for_.empty()) {
    Log(LogLevel::kInfo, shared_->options.name, fmt::format("takes over from {}", standing_by_for_));
    standing_by_for_.clear();
    shared_->board.Set(State::kRunning);
  }
  return true;
}

bool Keeper::StandsBy() {
  if (standing_by_for_ != lease_.holder()) {
    standing_by_for_ = lease_.holder();
    const char* until = shared_->options.once ? "until it has written what waits now, or ends" : "until it ends";
    Log(LogLevel::kInfo, shared_->options.name, fmt::format("standing by: the engine {} works on this pipeline, {}", standing_by_for_, until));
    shared_->board.Set(State::kStandby, standing_by_for_ + " works");
  }
  bool is_done = false;
  if (shared_->options.once) {
    if (!retry_.Until([&] { return IsDone(&is_done); }, [this] { lease_.Close(); })) return false;
  }
  if (is_done) Log(LogLevel::kInfo, shared_->options.name, fmt::format("the engine {} has written what waited", standing_by_for_));
  return !is_done && shared_->stop.SleepFor(lease_.patrol());
}

// With `once`: what was there when it began to stand by was written by another.
Status Keeper::IsDone(bool* is_done) {
  if (!found_until_) {
    if (Status status = lease_.LastEntry(&until_); !status.ok()) return status;
    found_until_ = true;
  }
  *is_done = !until_;
  return until_ ? lease_.IsPassed(*until_, is_done) : Status::Ok();
}

// True: the turn has ended, or soon will, by itself or because it was told to. False: the lease is another's, or was
// nobody's for a while, so that what the turn holds in memory may be outdated.
bool Keeper::Hold(Turn* turn) {
  auto wait = lease_.beat();
  while (true) {
    lease_.Await(wait);
    if (turn->ended() || shared_->stop.requested()) return true;
    auto found = Lease::Turn::kKept;
    // That Redis is away is the others' to tell; they don't write when the time is over.
    wait = lease_.Ask(&found).ok() ? lease_.beat() : std::max(lease_.beat() / 4, std::chrono::milliseconds(10));
    if (found == Lease::Turn::kKept) continue;
    if (found == Lease::Turn::kTaken) {
      Log(LogLevel::kInfo, shared_->options.name, "Redis knows nothing of this engine's lease any more: reading begins anew");
      return false;
    }
    Log(LogLevel::kWarning, shared_->options.name,
        fmt::format("the engine {} has taken over: what is under way here is dropped", lease_.holder()));
    return false;
  }
}

}  // namespace writebehind
