// A definition as the engine reads it.
#include "writebehind/definition.h"

#include "fuzz.h"

using namespace writebehind;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Definition definition;
  const Status status = Definition::Parse({reinterpret_cast<const char*>(data), size}, 3, &definition);
  if (!status.ok()) {
    WB_REQUIRE(!status.message().empty());
    return 0;
  }
  WB_REQUIRE(definition.serial == 3 && !definition.outputs.empty());
  for (const Output& output : definition.outputs) {
    WB_REQUIRE(!output.table.table.empty());
    for (const MappedColumn& column : output.columns) WB_REQUIRE(column.index == kByName || column.index < definition.fields.size());
    for (const KeyColumn& key : output.keys) WB_REQUIRE(key.index == kByName || key.index < definition.fields.size());
  }
  return 0;
}
