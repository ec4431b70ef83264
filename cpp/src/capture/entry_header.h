// Reads the beginning of an entry of our own making, as far as the module itself needs it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace writebehind {

struct EntryHeader {
  std::uint8_t flags = 0;
  std::uint64_t identity = 0;
  std::uint32_t definition = 0;
  char op = 0;
  std::string_view key;
  std::string_view uuid;
};

// The views point into `packed`. Nothing if these are not the bytes of an entry.
std::optional<EntryHeader> ReadEntryHeader(std::string_view packed);

// The same change as an entry of another identity, without a uuid. REQUIRES: ReadEntryHeader reads it.
std::string WithoutUuid(std::string_view packed, std::uint64_t identity);

}  // namespace writebehind
