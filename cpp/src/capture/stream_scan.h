// Goes through a stream's entries; ours have one field each.
#pragma once

#include <string_view>

#include "capture/handles.h"

namespace writebehind {

// The first value of the entry that the iterator stands on: it wants all fields of an entry read, whatever
// somebody else may have added.
inline StringHandle ReadValue(redis::Key* stream) {
  redis::String* field = nullptr;
  redis::String* value = nullptr;
  StringHandle first;
  while (redis::StreamIteratorNextField(stream, &field, &value) == redis::kOk) {
    const StringHandle field_owner(field);
    StringHandle value_owner(value);
    if (!first) first = std::move(value_owner);
  }
  return first;
}

// The first value of this entry; null if it is not there.
inline StringHandle ReadEntry(redis::Key* stream, redis::StreamId id) {
  if (redis::StreamIteratorStart(stream, 0, &id, &id) != redis::kOk) return nullptr;
  StringHandle value;
  if (redis::StreamIteratorNextID(stream, &id, nullptr) == redis::kOk) value = ReadValue(stream);
  redis::StreamIteratorStop(stream);
  return value;
}

// Calls `visit(id, value)` with the first value of the entries behind `after`, in order, until it returns
// false. The value lasts for the call.
template <typename Visit>
void ScanStream(redis::Key* stream, redis::StreamId after, const Visit& visit) {
  if (redis::StreamIteratorStart(stream, redis::kStreamExclusive, &after, nullptr) != redis::kOk) return;
  redis::StreamId id;
  bool more = true;
  while (more && redis::StreamIteratorNextID(stream, &id, nullptr) == redis::kOk) {
    const StringHandle first = ReadValue(stream);
    if (first) more = visit(id, View(first.get()));
  }
  redis::StreamIteratorStop(stream);
}

}  // namespace writebehind
