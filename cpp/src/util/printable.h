// A value as a person may be shown it: at most 200 bytes, valid UTF-8, nothing that moves a cursor.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace writebehind {

inline constexpr std::size_t kShownBytes = 200;

// Bytes that are no UTF-8, and control characters, become \xNN.
inline std::string Printable(std::string_view value, std::size_t most = kShownBytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string shown;
  std::size_t i = 0;
  while (i < value.size()) {
    const auto byte = static_cast<unsigned char>(value[i]);
    std::size_t length = byte >= 0xF0 && byte <= 0xF4 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC2 ? 2 : 1;
    if (byte > 0xF4 || i + length > value.size()) length = 1;
    for (std::size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(value[i + k]) & 0xC0U) != 0x80U) length = 1;
    }
    const auto next = length > 1 ? static_cast<unsigned char>(value[i + 1]) : 0;
    if ((byte == 0xE0 && next < 0xA0) || (byte == 0xED && next >= 0xA0) || (byte == 0xF0 && next < 0x90) ||
        (byte == 0xF4 && next >= 0x90) || (byte == 0xC2 && next < 0xA0)) {
      length = 1;
    }
    const bool shown_as_is = length > 1 || (byte >= 0x20 && byte < 0x7F);
    const std::size_t width = shown_as_is ? length : 4;
    if (shown.size() + width > most) break;
    if (shown_as_is) {
      shown.append(value.substr(i, length));
    } else {
      shown.append({'\\', 'x', kHex[byte >> 4U], kHex[byte & 15U]});
    }
    i += length;
  }
  return shown;
}

}  // namespace writebehind
