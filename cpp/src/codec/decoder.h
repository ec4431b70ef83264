// Entry → Record: reads the packed value of a stream entry (grammar: codec/entry_format.h).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "writebehind/parcel.h"
#include "writebehind/record.h"
#include "writebehind/status.h"

namespace writebehind {

// The fields of packed `values`, as views into them; false: these are none.
bool DecodeValues(std::string_view packed, std::vector<Field>* fields);
// `values` of such fields.
std::string EncodeValues(std::span<const Field> fields);

// The record's views point into `packed` and its fields into `fields`; both must outlive it.
// kCorrupt: the bytes are not an entry of a version this engine knows; `record` then holds what could be
// read of op, identity, definition and key, and no fields.
Status DecodeEntry(StreamId id, std::string_view packed, FieldArena* fields, Record* record);

}  // namespace writebehind
