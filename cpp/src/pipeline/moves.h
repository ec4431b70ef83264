// Which rows of several Redis keys can be in one batch. Rows that move do so before all else in it, so that no other
// change of the batch may have to do with where they come from or go to. And of a row's changes only the last is
// written: one that takes the row from another key must not be hidden by one that leaves it, nor that other key go on
// elsewhere before it is known whether it is refused; because then the row would still be that other key's.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "batch/batch.h"

namespace writebehind {

// Belongs to one worker. Costs nothing before the first row that moves or is taken.
class Moves {
 public:
  void Begin(std::size_t keys) {
    keys_ = keys;
    touched_.clear();
    robbed_.clear();
  }

  // Can this row come behind those of the batch? If so it counts as one of them. `from`: the keys that it is taken
  // from. One Redis key's changes can follow each other: the row that moves takes what was written to it before along.
  bool Fit(const Batch& batch, const Row& row, const std::vector<std::string>& from);
  // Was this key's row taken in this batch?
  [[nodiscard]] bool IsRobbed(std::string_view key) const { return robbed_.contains(key); }

 private:
  enum class As { kRow, kSource, kTarget };
  struct Touch {
    std::string_view key;  // the Redis key whose changes name it; empty: of several
    As as = As::kRow;
    bool taken = false;  // from another key than these, in this batch
  };

  bool FitMove(const Row& row, std::string_view key);
  bool Note(const Row& row, std::string_view key);

  std::size_t keys_ = 0;
  std::unordered_map<std::string, Touch> touched_;  // by the row's name; empty: nothing moves or is taken yet
  std::map<std::string, std::string, std::less<>> robbed_;  // keys: the row that they had
};

// A name of the row with these key cells, the same for equal ones; where they fold, for those that differ in ASCII's
// case.
std::string RowName(std::span<const Cell> keys, bool fold);

}  // namespace writebehind
