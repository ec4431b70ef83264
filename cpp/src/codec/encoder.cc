#include "codec/encoder.h"

#include "codec/entry_format.h"

namespace writebehind {
namespace {

// One huge hash must not hold its memory for ever.
constexpr std::size_t kKeptCapacity = std::size_t{1} << 20U;

void Clear(std::string* buffer) {
  if (buffer->capacity() > kKeptCapacity) std::string().swap(*buffer);
  buffer->clear();
}

}  // namespace

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
  Clear(&head_);
  Clear(&body_);
  count_ = 0;
  head_.push_back(header.op);
  head_.push_back(static_cast<char>(header.flags));
  for (unsigned shift = 0; shift < 64; shift += 8) {
    head_.push_back(static_cast<char>((header.identity >> shift) & 0xFFU));
  }
  AppendVarint(header.definition, &head_);
  AppendBytes(header.key, &head_);
  if ((header.flags & kFlagUuid) != 0) AppendBytes(header.uuid, &head_);
  head_.append(header.was);
  if ((header.flags & kFlagFrom) != 0) AppendBytes(header.from, &head_);
}

void EntryEncoder::AddValue(std::string_view value) {
  ++count_;
  AppendVarint(std::uint64_t{value.size()} + 1, &body_);
  body_.append(value);
}

void EntryEncoder::AddAbsent() {
  ++count_;
  body_.push_back('\0');
}

void EntryEncoder::AddNamed(std::string_view name, std::string_view value) {
  AppendBytes(name, &body_);
  AddValue(value);
}

std::string_view EntryEncoder::Finish() {
  AppendVarint(count_, &head_);
  head_.append(body_);
  return head_;
}

}  // namespace writebehind
