// Goes through a stream's entries; ours have one field each.
#pragma once

#include <string_view>

#include "capture/handles.h"

namespace writebehind {

// Calls `visit(id, value)` with the first value of the entries behind `after`, in order, until it returns
// false. The value lasts for the call.
template <typename Visit>
void ScanStream(redis::Key* stream, redis::StreamId after, const Visit& visit) {
  if (redis::StreamIteratorStart(stream, redis::kStreamExclusive, &after, nullptr) != redis::kOk) return;
  redis::StreamId id;
  bool more = true;
  while (more && redis::StreamIteratorNextID(stream, &id, nullptr) == redis::kOk) {
    redis::String* field = nullptr;
    redis::String* value = nullptr;
    StringHandle first;
    // Whatever somebody else may have added: the iterator wants all fields of an entry read.
    while (redis::StreamIteratorNextField(stream, &field, &value) == redis::kOk) {
      const StringHandle field_owner(field);
      StringHandle value_owner(value);
      if (!first) first = std::move(value_owner);
    }
    if (first) more = visit(id, View(first.get()));
  }
  redis::StreamIteratorStop(stream);
}

}  // namespace writebehind
