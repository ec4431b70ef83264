// What a target's catalog says about a table: the types that values are cast to.
//
// Values, no ownership games; safe to share once built.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace writebehind {

enum class TypeKind {
  kBoolean,
  kInteger,    // bits, is_unsigned
  kNumeric,    // precision, scale; 0, 0: any
  kFloat,      // bits: 32 or 64
  kText,       // max_length in characters, 0: no limit
  kBytes,      // max_length in bytes, 0: no limit
  kDate,
  kTime,
  kTimestamp,  // with_zone
  kUuid,
  kJson,
  kEnum,       // labels
  kOther,      // passed as text; the database decides
};

struct ColumnType {
  TypeKind kind = TypeKind::kOther;
  int bits = 64;
  bool is_unsigned = false;
  int precision = 0;
  int scale = 0;
  std::uint64_t max_length = 0;
  std::uint64_t max_bytes = 0;     // of text, where the database limits bytes (MySQL's TEXT family); 0: no limit
  bool with_zone = false;
  bool case_insensitive = false;   // the collation takes 'A' for 'a': a warning where it is a key column
  std::vector<std::string> labels;
  std::string name;                // as the database spells it, for SQL casts and messages: "character varying(20)"

  friend bool operator==(const ColumnType&, const ColumnType&) = default;
};

struct Column {
  std::string name;
  ColumnType type;
  bool nullable = true;
  bool has_default = false;    // or is filled by the database itself (identity, auto_increment, generated)
  bool generated = false;      // can't be written
  bool primary_key = false;

  friend bool operator==(const Column&, const Column&) = default;
};

struct Catalog {
  std::vector<Column> columns;
  std::vector<std::string> constraints;  // name and definition of each unique, check and foreign key, sorted
  std::vector<std::vector<std::string>> unique_keys;  // columns of each UNIQUE index or primary key
  bool transactional = true;             // false: MyISAM and its kin

  // Was anything changed that could make a refused row welcome (SPEC 6, Rejecting)?
  friend bool operator==(const Catalog&, const Catalog&) = default;
};

}  // namespace writebehind
