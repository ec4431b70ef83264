// Which writer a key belongs to.
#pragma once

#include <cstddef>
#include <string_view>

#include "util/fnv.h"

namespace writebehind {

// The same in every run. REQUIRES: lanes > 0.
inline std::size_t LaneOf(std::string_view key, std::size_t lanes) { return Fnv1a(key) % lanes; }

}  // namespace writebehind
