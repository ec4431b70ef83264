// Reads fields of a hash.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "capture/handles.h"

namespace writebehind {

// `visit(name, value)` for each of the fields; a value is null where the hash lacks it, and freed afterwards.
// One call for up to four fields; the list of arguments ends at the first null name.
template <typename Visit>
void ForEachValue(redis::Key* hash, const std::vector<StringHandle>& fields, const Visit& visit) {
  constexpr std::size_t kAtOnce = 4;
  for (std::size_t i = 0; i < fields.size(); i += kAtOnce) {
    redis::String* names[kAtOnce] = {};
    redis::String* values[kAtOnce] = {};
    const std::size_t count = std::min(kAtOnce, fields.size() - i);
    for (std::size_t j = 0; j < count; ++j) names[j] = fields[i + j].get();
    redis::HashGet(hash, 0, names[0], &values[0], names[1], &values[1], names[2], &values[2], names[3],
                   &values[3], nullptr);
    for (std::size_t j = 0; j < count; ++j) {
      const StringHandle owner(values[j]);
      visit(names[j], values[j]);
    }
  }
}

}  // namespace writebehind
