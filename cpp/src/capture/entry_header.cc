#include "capture/entry_header.h"

#include "codec/entry_format.h"

namespace writebehind {
namespace {

constexpr std::size_t kIdentityAt = 2;
constexpr std::size_t kDefinitionAt = 10;

bool TakeVarint(std::string_view* rest, std::uint64_t* value) {
  *value = 0;
  for (unsigned shift = 0; shift < 64 && !rest->empty(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(rest->front());
    rest->remove_prefix(1);
    *value |= std::uint64_t{byte & 0x7FU} << shift;
    if ((byte & 0x80U) == 0) return true;
  }
  return false;
}

bool TakeBytes(std::string_view* rest, std::string_view* bytes) {
  std::uint64_t length = 0;
  if (!TakeVarint(rest, &length) || length > rest->size()) return false;
  *bytes = rest->substr(0, length);
  rest->remove_prefix(length);
  return true;
}

}  // namespace

std::optional<EntryHeader> ReadEntryHeader(std::string_view packed) {
  if (packed.size() <= kDefinitionAt) return std::nullopt;
  EntryHeader header;
  header.op = packed[0];
  header.flags = static_cast<std::uint8_t>(packed[1]);
  for (std::size_t i = kDefinitionAt; i-- > kIdentityAt;) {
    header.identity = header.identity << 8U | static_cast<std::uint8_t>(packed[i]);
  }
  std::string_view rest = packed.substr(kDefinitionAt);
  std::uint64_t definition = 0;
  if (!TakeVarint(&rest, &definition) || !TakeBytes(&rest, &header.key)) return std::nullopt;
  if ((header.flags & kFlagUuid) != 0 && !TakeBytes(&rest, &header.uuid)) return std::nullopt;
  header.definition = static_cast<std::uint32_t>(definition);
  return header;
}

std::string WithoutUuid(std::string_view packed, std::uint64_t identity) {
  std::string again(packed);
  const auto header = ReadEntryHeader(packed);
  if ((header->flags & kFlagUuid) != 0) {
    const auto from = static_cast<std::size_t>(header->key.data() + header->key.size() - packed.data());
    const auto to = static_cast<std::size_t>(header->uuid.data() + header->uuid.size() - packed.data());
    again.erase(from, to - from);
  }
  again[1] = static_cast<char>(header->flags & ~(kFlagUuid | kFlagShared | kFlagForgotten));
  for (std::size_t i = kIdentityAt; i < kDefinitionAt; ++i, identity >>= 8U) {
    again[i] = static_cast<char>(identity & 0xFFU);
  }
  return again;
}

}  // namespace writebehind
