// Text of a Redis value → the canonical text of a column's type, or the reason why it is none.
//
// Pure functions without locale. What a database takes beyond others is in ColumnType; no database's name
// appears here. The database stays the last judge: a cast refuses what it would refuse, so that a change
// is answered also where a later change of its key hides it from the database.
#pragma once

#include <string>
#include <string_view>

#include "transform/row_arena.h"
#include "writebehind/catalog.h"

namespace writebehind {

// Empty: `*out` is the canonical text, a view into `text` where that is canonical already, else into
// `arena`. Otherwise the reason, a few words for a person, without the value.
//
//   kBoolean    "0" or "1"
//   kInteger    digits, '-' before them; no '+', no leading zero
//   kNumeric    digits with a point; with a precision: rounded half up to its scale, as databases do
//   kFloat      the shortest text that reads back as the same number; NaN, Infinity, -Infinity
//   kDate       YYYY-MM-DD        kTime  HH:MM:SS[.fraction]
//   kTimestamp  YYYY-MM-DD HH:MM:SS[.fraction][+00:00]: a zone is turned into UTC
//   kUuid       lower case with hyphens
//   kEnum       a label; of a set: labels in their order, each once
//   others      as they are
std::string Cast(const ColumnType& type, std::string_view text, RowArena* arena, std::string_view* out);

// Is `text`, whose cast is `canonical`, the one text that names this key? Two Redis keys must never be
// one row: "05", "+5" and " 5" are not the key 5.
bool IsCanonicalKey(const ColumnType& type, std::string_view text, std::string_view canonical);

}  // namespace writebehind
