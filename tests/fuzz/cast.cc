// A value of any bytes for a column of any type: what is taken must be taken again, and be the same.
#include "transform/cast.h"

#include "fuzz.h"

using namespace writebehind;

namespace {

ColumnType MakeType(fuzz::Input* input) {
  ColumnType type;
  type.kind = static_cast<TypeKind>(input->Byte() % (static_cast<int>(TypeKind::kOther) + 1));
  constexpr int kBits[] = {8, 16, 24, 32, 64};
  type.bits = type.kind == TypeKind::kFloat ? (input->Bit() ? 32 : 64) : kBits[input->Byte() % 5];
  type.is_unsigned = input->Bit();
  type.boolean_words = input->Bit();
  type.is_year = input->Byte() % 8 == 0;
  type.precision = input->Byte() % 66;
  type.scale = type.precision == 0 ? 0 : input->Byte() % (type.precision + 1);
  type.as_double = input->Bit();
  type.allows_nan = input->Bit();
  type.allows_infinity = input->Bit();
  type.max_length = input->Byte();
  type.max_bytes = input->Byte();
  type.allows_nul = input->Bit();
  type.ignores_spaces = input->Bit();
  type.reads_numbers = input->Bit();
  type.refuses_empty = input->Bit();
  type.with_zone = input->Bit();
  type.refuses_zone = input->Bit();
  type.max_hours = input->Bit() ? 24 : 838;
  type.max_year = input->Bit() ? 9999 : 294276;
  type.labels = {"red", "green", "blue"};
  type.is_set = input->Bit();
  return type;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const ColumnType type = MakeType(&input);
  RowArena arena;
  std::string_view out;
  const std::string reason = Cast(type, input.Rest(), &arena, &out);
  if (!reason.empty()) return 0;
  volatile unsigned seen = fuzz::Touch(out);
  (void)seen;
  std::string_view again;
  WB_REQUIRE(Cast(type, out, &arena, &again).empty());
  WB_REQUIRE(again == out);
  IsCanonicalKey(type, input.Rest(), out);
  return 0;
}
