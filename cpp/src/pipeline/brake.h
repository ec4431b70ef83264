// Stops a pipeline from rejecting everything because of one wrong column or constraint.
//
// Two consecutive batches of at least 100 keys, each refused row by row for one and the same reason, are
// no bad data: the schema or the mapping is wrong. The second rejects nothing and is tried again.
#pragma once

#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <string_view>

namespace writebehind {

// Belongs to one worker.
class Brake {
 public:
  static constexpr std::size_t kLeastKeys = 100;

  // A batch is about to reject all of its `keys` keys for `cause` (a column or constraint; empty: for
  // several). True: it must not.
  [[nodiscard]] bool Holds(std::size_t keys, const std::string& cause) {
    const bool total = keys >= kLeastKeys && !cause.empty();
    if (total && cause == last_cause_) return true;
    pending_ = total ? cause : std::string();
    keys_ = keys;
    return false;
  }

  // A change of this key was rejected.
  void Rejected(std::string_view key) {
    if (!pending_.empty()) rejected_.emplace(key);
  }

  // A batch was settled. What was refused together may have been written one by one.
  void Passed() {
    last_cause_ = rejected_.size() >= keys_ ? std::move(pending_) : std::string();
    pending_.clear();
    rejected_.clear();
  }

 private:
  std::string last_cause_;  // of the batch before, if it was refused whole
  std::string pending_;     // of this one
  std::size_t keys_ = 0;    // with `pending_`: that it holds
  std::set<std::string, std::less<>> rejected_;  // of those
};

}  // namespace writebehind
