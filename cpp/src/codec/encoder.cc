#include "codec/encoder.h"

#include "codec/entry_format.h"

namespace writebehind {

void AppendVarint(std::uint64_t value, std::string* out) {
  while (value >= 0x80U) {
    out->push_back(static_cast<char>((value & 0x7FU) | 0x80U));
    value >>= 7U;
  }
  out->push_back(static_cast<char>(value));
}

void AppendBytes(std::string_view bytes, std::string* out) {
  AppendVarint(bytes.size(), out);
  out->append(bytes);
}

void EntryEncoder::Start(const Header& header) {
  head_.Clear();
  body_.Clear();
  count_ = 0;
  head_.Byte(header.op);
  head_.Byte(static_cast<char>(header.flags));
  head_.Fixed64(header.identity);
  head_.Varint(header.definition);
  head_.Varint(header.key.size());
  head_.Append(header.key);
  if ((header.flags & kFlagUuid) != 0) {
    head_.Varint(header.uuid.size());
    head_.Append(header.uuid);
  }
  head_.Append(header.was);
  if ((header.flags & kFlagFrom) != 0) {
    head_.Varint(header.from.size());
    head_.Append(header.from);
  }
}

void EntryEncoder::AddValue(std::string_view value) {
  ++count_;
  body_.Varint(std::uint64_t{value.size()} + 1);
  body_.Append(value);
}

void EntryEncoder::AddAbsent() {
  ++count_;
  body_.Byte('\0');
}

void EntryEncoder::AddNamed(std::string_view name, std::string_view value) {
  body_.Varint(name.size());
  body_.Append(name);
  AddValue(value);
}

std::string_view EntryEncoder::Finish() {
  head_.Varint(count_);
  head_.Append(body_.view());
  return head_.view();
}

}  // namespace writebehind
