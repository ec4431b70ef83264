// The grammar of a stream entry: the one thing that the module (C++17, inside Redis) and the engine share.
//
// A stream entry has one field, named by the version of this grammar, whose value is the packed change:
//
//   entry      = op flags identity definition key [uuid] [was] [from] body
//   op         = 'c' | 'u' | 'd'                      1 byte: create, update, delete
//   flags      = 1 byte, the kFlag* bits below; a reader refuses an entry with a bit it doesn't know
//   identity   = 8 bytes, little endian               the stream's random identity when this was added
//   definition = varint                               serial of the definition that captured it
//   key        = bytes                                the Redis key
//   uuid       = bytes                                only with kFlagUuid
//   was        = values                             only with kFlagWas: what the key columns' fields were in
//                                                      the row that this change leaves; none of them: its key
//                                                      had no row before, or another one has it since
//   from       = bytes                              only with kFlagFrom: the Redis key that was captured
//                                                      last with the row that this change names
//   body       = count value*                         positional: one value per field of the definition
//              | count (bytes value)*                 with kFlagNamed: every field of the hash by its name
//                                                     a delete's count is 0
//   values     = count (bytes bytes)*                 name and value of each field, by name
//   count      = varint
//   bytes      = varint length, then that many bytes
//   value      = varint 0 (the hash lacks the field) | varint length + 1, then that many bytes
//   varint     = unsigned LEB128, at most 10 bytes
//
// One packed field instead of a field per value: an XADD costs by the field, and so does reading it back.
// The grammar grows by a new version with a new field name; an engine reads all versions it knows, so that
// what waited before an upgrade is still written.
#pragma once

#include <cstdint>
#include <string_view>

namespace writebehind {

inline constexpr char kEntryField[] = "w1";

inline constexpr std::uint8_t kFlagUuid = 1U << 0U;
inline constexpr std::uint8_t kFlagNamed = 1U << 1U;
inline constexpr std::uint8_t kFlagShared = 1U << 2U;  // the uuid was captured by other pipelines too
inline constexpr std::uint8_t kFlagWas = 1U << 3U;
inline constexpr std::uint8_t kFlagFrom = 1U << 4U;
inline constexpr std::uint8_t kFlagForgotten = 1U << 5U;  // with kFlagWas of none: nor has it a row that a rejected change left it

inline constexpr std::string_view kNoValues{"\0", 1};  // `values` of no fields

}  // namespace writebehind
