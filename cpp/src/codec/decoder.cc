#include "codec/decoder.h"

#include <optional>

#include "codec/encoder.h"
#include "codec/entry_format.h"

namespace writebehind {
namespace {

// Reads from the front of a view; every read says whether the bytes were there.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : rest_(bytes) {}

  std::optional<std::uint8_t> Byte() {
    if (rest_.empty()) return std::nullopt;
    const auto byte = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }

  std::optional<std::uint64_t> Fixed64() {
    if (rest_.size() < 8) return std::nullopt;
    std::uint64_t value = 0;
    for (std::size_t i = 8; i-- > 0;) value = value << 8U | static_cast<std::uint8_t>(rest_[i]);
    rest_.remove_prefix(8);
    return value;
  }

  std::optional<std::uint64_t> Varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = Byte();
      if (!byte || (shift == 63 && *byte > 1)) return std::nullopt;
      value |= std::uint64_t{*byte & 0x7FU} << shift;
      if ((*byte & 0x80U) == 0) return value;
    }
    return std::nullopt;
  }

  std::optional<std::string_view> Bytes(std::uint64_t length) {
    if (length > rest_.size()) return std::nullopt;
    const std::string_view bytes = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return bytes;
  }

  std::optional<std::string_view> Bytes() {
    const auto length = Varint();
    return length ? Bytes(*length) : std::nullopt;
  }

  // The number of things that take `least` bytes each at least.
  std::optional<std::uint64_t> Count(std::size_t least) {
    const auto count = Varint();
    return count && *count <= left() / least ? count : std::nullopt;
  }

  [[nodiscard]] std::size_t left() const { return rest_.size(); }

 private:
  std::string_view rest_;
};

Status Corrupt(const char* what) {
  return {Code::kCorrupt, std::string("not an entry that this version reads: ") + what,
          "was the stream written by a newer module, or by hand?"};
}

bool ReadField(Cursor* in, bool named, Field* field) {
  if (named) {
    const auto name = in->Bytes();
    if (!name) return false;
    field->name = *name;
  }
  const auto size = in->Varint();
  if (!size) return false;
  field->present = *size > 0;
  if (!field->present) return true;
  const auto value = in->Bytes(*size - 1);
  if (!value) return false;
  field->value = *value;
  return true;
}

bool ReadValues(Cursor* in, std::span<Field> values) {
  for (Field& field : values) {
    const auto name = in->Bytes();
    const auto value = name ? in->Bytes() : std::nullopt;
    if (!value) return false;
    field = {*name, *value, true};
  }
  return true;
}

}  // namespace

bool DecodeValues(std::string_view packed, std::vector<Field>* fields) {
  Cursor in(packed);
  const auto count = in.Count(2);
  fields->resize(count.value_or(0));
  return count && ReadValues(&in, *fields) && in.left() == 0;
}

std::string EncodeValues(std::span<const Field> fields) {
  std::string packed;
  AppendVarint(fields.size(), &packed);
  for (const Field& field : fields) {
    AppendBytes(field.name, &packed);
    AppendBytes(field.value, &packed);
  }
  return packed;
}

Status DecodeEntry(StreamId id, std::string_view packed, FieldArena* fields, Record* record) {
  Cursor in(packed);
  record->id = id;
  record->packed = packed;
  const auto op = in.Byte();
  if (!op || (*op != 'c' && *op != 'u' && *op != 'd')) return Corrupt("its operation");
  record->op = static_cast<Op>(*op);
  const auto flags = in.Byte();
  const auto identity = in.Fixed64();
  record->identity = identity.value_or(0);  // needed to settle it, whatever else it is
  if (!flags || (*flags & ~(kFlagUuid | kFlagNamed | kFlagShared | kFlagWas | kFlagFrom | kFlagForgotten)) != 0) return Corrupt("its flags");
  const auto definition = in.Varint();
  if (!identity || !definition || *definition > UINT32_MAX) return Corrupt("its definition");
  record->definition = static_cast<std::uint32_t>(*definition);
  const auto key = in.Bytes();
  if (!key) return Corrupt("its key");
  record->key = *key;
  if ((*flags & kFlagUuid) != 0) {
    const auto uuid = in.Bytes();
    if (!uuid) return Corrupt("its uuid");
    record->uuid = *uuid;
    record->shared_uuid = (*flags & kFlagShared) != 0;
  }
  if ((*flags & kFlagWas) != 0) {
    const auto values = in.Count(2);
    if (!values) return Corrupt("its key columns");
    const std::span<Field> was = fields->Allocate(*values);
    if (!ReadValues(&in, was)) return Corrupt("its key columns");
    record->was = was;
    record->had_no_row = was.empty();
  }
  if ((*flags & kFlagFrom) != 0) {
    const auto from = in.Bytes();
    if (!from) return Corrupt("whose row it takes");
    record->from = *from;
  }
  record->forgotten = (*flags & kFlagForgotten) != 0;
  const auto count = in.Count(1);
  if (!count) return Corrupt("its fields");
  const std::span<Field> body = fields->Allocate(*count);
  for (Field& field : body) {
    field = Field{};
    if (!ReadField(&in, (*flags & kFlagNamed) != 0, &field)) return Corrupt("a value");
  }
  if (in.left() != 0) return Corrupt("bytes behind its end");
  record->fields = body;
  return Status::Ok();
}

}  // namespace writebehind
