// Reads the reply of INFO.
#pragma once

#include <string_view>

namespace writebehind {

// The value of `<name>:<value>` on a line of its own; empty: there is none.
inline std::string_view InfoField(std::string_view info, std::string_view name) {
  while (!info.empty()) {
    const std::string_view line = info.substr(0, info.find_first_of("\r\n"));
    if (line.starts_with(name) && line.substr(name.size()).starts_with(':')) return line.substr(name.size() + 1);
    const std::size_t next = info.find('\n');
    info.remove_prefix(next == std::string_view::npos ? info.size() : next + 1);
  }
  return {};
}

}  // namespace writebehind
