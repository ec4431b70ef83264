// Writes one stream entry (grammar: codec/entry_format.h).
//
// One encoder is used again and again: its buffers keep their memory, so that a capture allocates nothing
// here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "codec/byte_buffer.h"

namespace writebehind {

// varint and bytes of the grammar.
void AppendVarint(std::uint64_t value, std::string* out);
void AppendBytes(std::string_view bytes, std::string* out);

class EntryEncoder {
 public:
  struct Header {
    char op;             // 'c', 'u' or 'd'
    std::uint8_t flags;  // kFlag* bits; kFlagUuid if and only if `uuid` is not empty
    std::uint64_t identity;
    std::uint32_t definition;
    std::string_view key;
    std::string_view uuid;
    std::string_view was{};  // `values` of the grammar; kFlagWas if and only if it is not empty
    std::string_view from{};  // kFlagFrom if and only if it is not empty
  };

  // Forgets the entry before; then Add for each value, then Finish.
  void Start(const Header& header);

  void AddValue(std::string_view value);
  void AddAbsent();
  void AddNamed(std::string_view name, std::string_view value);

  // The packed entry; valid until the next Start.
  std::string_view Finish();

 private:
  ByteBuffer head_;
  ByteBuffer body_;
  std::uint64_t count_ = 0;
};

}  // namespace writebehind
