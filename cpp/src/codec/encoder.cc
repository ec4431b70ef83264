#include "codec/encoder.h"

#include "codec/entry_format.h"

namespace writebehind {

void AppendVarint(std::uint64_t value, std::string* out) {
  char text[kMostVarint];
  out->append(text, PutVarint(value, text));
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
  head_.Bytes(header.key);
  if ((header.flags & kFlagUuid) != 0) head_.Bytes(header.uuid);
  head_.Append(header.was);
  if ((header.flags & kFlagFrom) != 0) head_.Bytes(header.from);
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
  body_.Bytes(name);
  AddValue(value);
}

std::string_view EntryEncoder::Finish() {
  head_.Varint(count_);
  head_.Append(body_.view());
  return head_.view();
}

}  // namespace writebehind
