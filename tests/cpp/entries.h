// Builds packed entries by the grammar of codec/entry_format.h, independently of the module's encoder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/entry_format.h"

namespace writebehind::testing {

inline std::string Varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7U) out += static_cast<char>(value | 0x80U);
  return out + static_cast<char>(value);
}

inline std::string Bytes(std::string_view text) { return Varint(text.size()) + std::string(text); }

struct EntryText {
  char op = 'u';
  std::uint8_t flags = 0;
  std::uint64_t identity = 7;
  std::uint32_t definition = 1;
  std::string key = "person:1";
  std::string uuid;
  std::string was{};  // `values`
  std::vector<std::pair<std::string, std::optional<std::string>>> fields;  // names only with kFlagNamed

  [[nodiscard]] std::string Pack() const {
    const auto bits = static_cast<std::uint8_t>(flags | (uuid.empty() ? 0 : kFlagUuid) | (was.empty() ? 0 : kFlagWas));
    std::string out{op, static_cast<char>(bits)};
    for (unsigned shift = 0; shift < 64; shift += 8) out += static_cast<char>(identity >> shift);
    out += Varint(definition) + Bytes(key);
    if (!uuid.empty()) out += Bytes(uuid);
    out += was;
    out += Varint(fields.size());
    for (const auto& [name, value] : fields) {
      if ((bits & kFlagNamed) != 0) out += Bytes(name);
      out += value ? Varint(value->size() + 1) + *value : Varint(0);
    }
    return out;
  }
};

}  // namespace writebehind::testing
