// A Record is one captured change of one key, decoded: the first shape of a change inside the engine.
//
// It owns nothing. Every view points into the Parcel (writebehind/parcel.h) whose reply it was decoded from;
// whoever keeps a Record keeps that Parcel alive. Records are immutable once decoded and may be read
// from any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "writebehind/stream_id.h"

namespace writebehind {

enum class Op : char { kCreate = 'c', kUpdate = 'u', kDelete = 'd' };

// One field of the hash at the moment of the change. `name` is empty where the entry is positional:
// then the i-th field is the i-th of its definition's `fields`.
struct Field {
  std::string_view name;
  std::string_view value;
  bool present = false;  // false: the hash had no such field
};

struct Record {
  StreamId id;
  Op op = Op::kUpdate;
  std::uint64_t identity = 0;    // of the stream when the entry was added (docs/protocol.md)
  std::uint32_t definition = 0;  // serial of the definition that captured it
  bool shared_uuid = false;      // other pipelines captured this change too: the last to settle answers
  std::string_view key;          // the whole Redis key, any bytes
  std::string_view uuid;         // empty: nobody waits for an answer
  std::span<const Field> fields; // empty for a delete
  // What the fields of key columns were in the row that this change leaves, by name. Empty: it leaves none, as far
  // as is known.
  std::span<const Field> was{};
  bool had_no_row = false;  // with `was` empty: its key had none. Else it is the row that this change names
  bool forgotten = false;   // with `had_no_row`: whatever became of the changes before it
  std::string_view from{};  // the key that the row which this change names belonged to; empty: to none, or this one
  std::string_view packed;       // the entry's own bytes, for the rejected stream
};

}  // namespace writebehind
