// How long the rows that foreign keys miss are waited for: one wait for all entries that a constraint refuses.
#pragma once

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <string>

#include "writebehind/stream_id.h"

namespace writebehind {

// Belongs to one worker.
class Grace {
 public:
  explicit Grace(std::chrono::milliseconds length) : length_(length) {}

  // `constraint` refuses entry `id`: is it to wait? The first one begins a wait. Once that is over, it is for whatever
  // has been captured by then, at least up to `known`; what comes later may wait anew.
  [[nodiscard]] bool Waits(const std::string& constraint, StreamId id, StreamId known) {
    const auto now = std::chrono::steady_clock::now();
    const auto [place, first] = waits_.try_emplace(constraint, Wait{now + length_});
    Wait& wait = place->second;
    if (wait.over && id <= wait.last) return false;
    if (wait.over) wait = {now + length_};
    if (now < wait.end) return true;
    const auto captured = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
    wait.over = true;
    wait.last = std::max(known, {static_cast<std::uint64_t>(captured.count()), std::numeric_limits<std::uint64_t>::max()});
    return false;
  }

  // Something else failed, or held the worker up, and may have kept the missing rows from coming too.
  void BeginAnew() {
    for (auto& [constraint, wait] : waits_) wait = {std::chrono::steady_clock::now() + length_};
  }

  // What waited is decided.
  void Passed() {
    if (!waits_.empty()) std::erase_if(waits_, [](const auto& one) { return !one.second.over; });
  }

 private:
  struct Wait {
    std::chrono::steady_clock::time_point end;
    bool over = false;
    StreamId last{};  // with `over`: up to which entry
  };

  std::chrono::milliseconds length_;
  std::map<std::string, Wait> waits_;  // by constraint
};

}  // namespace writebehind
