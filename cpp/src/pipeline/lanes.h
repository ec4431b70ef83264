// Which writer a key belongs to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace writebehind {

// The same in every run, by FNV-1a. Source: http://www.isthe.com/chongo/tech/comp/fnv/
// REQUIRES: lanes > 0.
inline std::size_t LaneOf(std::string_view key, std::size_t lanes) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char byte : key) hash = (hash ^ static_cast<std::uint8_t>(byte)) * 0x100000001b3U;
  return hash % lanes;
}

}  // namespace writebehind
