// A pipeline's definition: what is captured and where it goes, as the registration keeps it.
//
// Its JSON is what WB.REGISTER takes (docs/protocol.md). Each entry names the serial of the definition
// it was captured with, and is written under that one, whatever is registered later. A definition never
// names a connection, a password or a callable: those are the running recipe's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "writebehind/status.h"

namespace writebehind {

enum class Missing { kNull, kKeep };  // a mapped field that the hash lacks: NULL, or leave the column alone

struct TableName {
  std::string schema;  // empty: the connection's default
  std::string table;

  friend bool operator==(const TableName&, const TableName&) = default;
};

// Entries of a definition without `fields` name each field of the hash themselves.
inline constexpr std::size_t kByName = static_cast<std::size_t>(-1);

// A key column: its value is all of the Redis key behind `key_prefix` ("person:" for person:<id>), or that of
// a field of the hash.
struct KeyColumn {
  std::string column;
  std::string key_prefix;
  std::string field{};          // empty: the Redis key
  std::size_t index = kByName;  // as of MappedColumn

  [[nodiscard]] bool from_field() const { return !field.empty(); }

  friend bool operator==(const KeyColumn&, const KeyColumn&) = default;
};

struct MappedColumn {
  std::string column;
  std::string field;   // of the hash
  std::size_t index = 0;  // of `field` in Definition::fields; kByName where that list is empty

  friend bool operator==(const MappedColumn&, const MappedColumn&) = default;
};

// One target table of a pipeline. Recipes have one; jobs may have several.
struct Output {
  std::string name;    // part of the checkpoint's name, stable over versions: "0" unless given
  TableName table;
  std::vector<KeyColumn> keys;
  std::vector<MappedColumn> columns;
  Missing missing = Missing::kNull;

  // A key's row can change, and its deletes need what it was last captured with (Record::was).
  [[nodiscard]] bool has_field_keys() const {
    return std::any_of(keys.begin(), keys.end(), [](const KeyColumn& key) { return key.from_field(); });
  }

  friend bool operator==(const Output&, const Output&) = default;
};

struct Definition {
  std::uint32_t serial = 0;
  std::string pattern;
  std::vector<std::string> fields;  // what an entry holds, in this order; empty: every field, by name
  std::vector<Output> outputs;

  // Reads the JSON of docs/protocol.md; kConfig names the member that is wrong.
  static Status Parse(std::string_view json, std::uint32_t serial, Definition* out);
};

}  // namespace writebehind
