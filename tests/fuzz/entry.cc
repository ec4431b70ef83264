// Bytes that stand in a stream: the engine's decoder, and the module's own reader of their beginning.
#include "codec/decoder.h"

#include "capture/entry_header.h"
#include "codec/entry_format.h"
#include "fuzz.h"

using namespace writebehind;

namespace {

unsigned Touch(std::span<const Field> fields) {
  unsigned sum = 0;
  for (const Field& field : fields) sum += fuzz::Touch(field.name) + fuzz::Touch(field.value);
  return sum;
}

bool Equal(std::span<const Field> a, std::span<const Field> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Field& x, const Field& y) {
    return x.name == y.name && x.value == y.value && x.present == y.present;
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view packed(reinterpret_cast<const char*>(data), size);
  FieldArena arena;
  Record record;
  const bool decoded = DecodeEntry({1, 1}, packed, &arena, &record).ok();
  volatile unsigned seen = fuzz::Touch(record.key) + fuzz::Touch(record.uuid) + fuzz::Touch(record.from) + Touch(record.fields) + Touch(record.was);
  (void)seen;
  const auto header = ReadEntryHeader(packed);
  if (!decoded) return 0;
  WB_REQUIRE(header.has_value());
  WB_REQUIRE(header->identity == record.identity && header->definition == record.definition);
  WB_REQUIRE(header->key == record.key && header->uuid == record.uuid);

  // Captured again under another identity it is the same change, and nobody waits for it.
  const std::string again = WithoutUuid(packed, 7);
  Record same;
  WB_REQUIRE(DecodeEntry({1, 2}, again, &arena, &same).ok());
  WB_REQUIRE(same.identity == 7 && same.uuid.empty());
  WB_REQUIRE(same.op == record.op && same.key == record.key && same.from == record.from);
  WB_REQUIRE(Equal(same.fields, record.fields) && Equal(same.was, record.was));

  std::vector<Field> values;
  WB_REQUIRE(DecodeValues(EncodeValues(record.was), &values) && Equal(values, record.was));
  return 0;
}
