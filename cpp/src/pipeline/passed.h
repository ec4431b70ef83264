// What is committed of one stream identity, as far as a writer needs to know it.
#pragma once

#include <algorithm>
#include <vector>

#include "pipeline/lanes.h"
#include "writebehind/record.h"
#include "writebehind/stream_id.h"

namespace writebehind {

// A position says: of this writer's share of the keys, everything up to here is committed. That stays true when the keys
// are shared out among another number of writers, so a change is committed if any writer says so, of whatever number.
struct Passed {
  StreamId own;
  std::vector<std::vector<StreamId>> former;  // by number of writers, by writer

  [[nodiscard]] bool Covers(const Record& record) const {
    if (record.id <= own) return true;
    return std::any_of(former.begin(), former.end(),
                       [&record](const auto& positions) { return record.id <= positions[LaneOf(record.key, positions.size())]; });
  }
  // Nothing behind it is covered.
  [[nodiscard]] StreamId last() const { return std::max(own, last_former()); }
  [[nodiscard]] StreamId last_former() const {
    StreamId last;
    for (const auto& positions : former) last = std::max(last, *std::max_element(positions.begin(), positions.end()));
    return last;
  }
};

}  // namespace writebehind
