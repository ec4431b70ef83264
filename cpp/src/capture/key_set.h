// Keys of several databases.
#pragma once

#include <set>
#include <string>
#include <utility>

namespace writebehind {

using KeySet = std::set<std::pair<int, std::string>>;

// What they are after SWAPDB.
inline KeySet SwapDatabases(const KeySet& keys, int first, int second) {
  KeySet swapped;
  for (const auto& [database, key] : keys) {
    swapped.emplace(database == first ? second : database == second ? first : database, key);
  }
  return swapped;
}

}  // namespace writebehind
