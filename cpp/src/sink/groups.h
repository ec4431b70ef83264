// Sorts a batch's rows into groups that one statement can write: moves, deletes, then upserts that keep the same
// columns as they are.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "writebehind/row.h"

namespace writebehind {

// What a statement does, apart from its values.
struct Shape {
  bool is_delete = false;
  bool moves = false;      // gives rows that are there another key: parameters are the old key, then the new one
  std::vector<bool> kept;  // of an upsert, by index into plan.columns: left alone; empty: none is

  [[nodiscard]] bool Keeps(std::size_t column) const { return column < kept.size() && kept[column]; }

  // Its parameters, by index into a row's cells.
  [[nodiscard]] std::vector<std::size_t> Cells(const TablePlan& plan) const;

  // An INSERT would fail on a column that it leaves out, even where the row is there.
  [[nodiscard]] bool UpdateFirst(const TablePlan& plan) const;

  // Names it among the statements of its plan.
  [[nodiscard]] std::string Name() const;
};

struct Group {
  Shape shape;
  std::vector<std::uint32_t> rows;  // indexes into WriteRequest::rows
};

// Moves come first, then deletes: a row that is deleted may hold a UNIQUE value that another one takes over. But where
// the database may take two keys for one, all stay in the order of their changes. A row that `replaces`
// or moves is in several groups.
std::vector<Group> GroupRows(const TablePlan& plan, std::span<const Row> rows);

}  // namespace writebehind
