// A Row is a Record made table-shaped: one cell per column of its plan, cast to the column's type.
//
// Rows are plain values; cells are views into the record's Parcel or into the Batch's arena (where a cast
// had to rewrite the text), so a Row lives no longer than its Batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "writebehind/catalog.h"
#include "writebehind/definition.h"
#include "writebehind/record.h"

namespace writebehind {

// The columns that rows of one definition are written to, with the types the catalog gave.
// A plan is immutable; a changed catalog makes a new plan with a new `id`, so that a sink can keep
// prepared statements by it.
struct TablePlan {
  std::uint64_t id = 0;  // unique within the process
  TableName table;
  std::vector<Column> keys;     // the first cells of each row
  std::vector<Column> columns;  // the cells behind them
  // UPDATE must come before INSERT: a column that we don't write is NOT NULL without a default, so an
  // INSERT ... ON CONFLICT would fail even where the row is there.
  bool update_first = false;
  // The table has a UNIQUE index besides its primary key (MySQL's ON DUPLICATE KEY UPDATE would touch
  // another key's row).
  bool other_unique = false;
  // A key column is a field of the hash: a Redis key's row can change, and several may name one row.
  bool field_keys = false;
  // All of them are: two texts of one value would be two rows to Redis, and one to the table.
  bool only_field_keys = false;
  // Such a column may take different texts for one value (a collation without case, say), so that rows must be
  // written in the order of their changes though their keys differ.
  bool keys_fold = false;

  [[nodiscard]] std::size_t width() const { return keys.size() + columns.size(); }
  // Of a row's cell; behind the row's own come those of the key that it moves from.
  [[nodiscard]] const Column& column(std::size_t i) const {
    if (i >= width()) return keys[i - width()];
    return i < keys.size() ? keys[i] : columns[i - keys.size()];
  }
};

// One value, as the text that the database is to read. The text is canonical for its TypeKind
// (transform/cast.h): integers without '+' or leading zeros, booleans "0" or "1", bytes raw.
struct Cell {
  enum class State : std::uint8_t { kNull, kValue, kKeep };  // kKeep: leave the column alone
  State state = State::kNull;
  std::string_view text;
};

struct Row {
  bool is_delete = false;         // then only the key cells count
  // The row is deleted before it is written: its key was deleted and made again, so what a kKeep cell would
  // leave alone is not there any more.
  bool replaces = false;
  // Its Redis key had another row before, whose key cells come behind its own: that one is given this row's key
  // first, or deleted where there is a row of this key.
  bool moves = false;
  bool left = false;              // that other row, to be deleted, for a sink that can't move it
  bool merged = false;            // it takes something from earlier changes of its key, which may be to blame for it
  std::uint32_t record = 0;       // index of its Record in the Batch
  std::span<const Cell> cells;    // plan.width() of them, and those of the key that it moves from
};

}  // namespace writebehind
