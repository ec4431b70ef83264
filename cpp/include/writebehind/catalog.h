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
  kNumeric,    // precision, scale; 0, 0: any; as_double
  kFloat,      // bits: 32 or 64
  kText,       // max_length in characters, 0: no limit
  kBytes,      // max_length in bytes, 0: no limit
  kDate,
  kTime,
  kTimestamp,  // with_zone
  kUuid,
  kJson,
  kEnum,       // labels; is_set
  kOther,      // passed as text; the database decides
};

// A type and what its database takes for it: casts look at these members alone, never at a database's name.
struct ColumnType {
  TypeKind kind = TypeKind::kOther;
  int bits = 64;
  bool is_unsigned = false;
  bool boolean_words = false;      // an integer that stands for a boolean too (MySQL's tinyint(1)): "true" is 1
  bool is_year = false;            // an integer that is 0 or 1901 to 2155 (MySQL's year, which makes 2024 of 24)
  int precision = 0;
  int scale = 0;
  bool as_double = false;          // of kNumeric: kept as a 64-bit integer or as a double (SQLite)
  bool allows_nan = false;         // of kNumeric and kFloat
  bool allows_infinity = false;    // of kNumeric, kFloat, kDate and kTimestamp
  std::uint64_t max_length = 0;
  std::uint64_t max_bytes = 0;     // of text, where the database limits bytes (MySQL's TEXT family); 0: no limit
  bool allows_nul = true;          // false: PostgreSQL has no text with a NUL byte
  bool ignores_spaces = false;     // 'a ' is 'a': no key ends with a space (char(n))
  bool pads = false;               // of kBytes: shorter values are filled up to max_length (binary(n)), keys are not
  bool case_insensitive = false;   // the collation takes 'A' for 'a': a warning where it is a key column
  bool reads_numbers = false;      // of kOther and kJson: the column turns text that reads as a number into one (SQLite)
  bool has_spellings = false;      // of kOther: other texts may be the same value ('10.0.0.1/32'): a warning too
  bool refuses_empty = false;      // of kOther: an empty text is no value, though the database makes one of it
  bool with_zone = false;          // the text may name its zone; otherwise it is turned into UTC without one
  bool refuses_zone = false;       // a text with a zone can't be stored faithfully (MariaDB's timestamp)
  int max_hours = 24;              // of kTime; above 24 it may be negative too (MySQL)
  int max_year = 9999;             // of kDate and kTimestamp
  std::vector<std::string> labels;
  bool is_set = false;             // of kEnum: any number of the labels, with commas between them (MySQL's set)
  std::string name;                // as the database spells it, for messages: "character varying(20)"
  std::string cast_name;           // what a text is cast to in SQL, without its length: a cast would cut silently

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
  // Columns of each UNIQUE index or primary key that may name a row; "(expression)" stands for what is no
  // whole column, so that such an index equals no set of columns.
  std::vector<std::vector<std::string>> unique_keys;
  bool transactional = true;             // false: MyISAM and its kin

  // Was anything changed that could make a refused row welcome?
  friend bool operator==(const Catalog&, const Catalog&) = default;
};

}  // namespace writebehind
