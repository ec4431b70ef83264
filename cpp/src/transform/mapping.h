// Record → Row: the fields of a hash become the cells of a table's row, each cast to its column's type.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "transform/row_arena.h"
#include "writebehind/catalog.h"
#include "writebehind/definition.h"
#include "writebehind/record.h"
#include "writebehind/row.h"
#include "writebehind/sink.h"
#include "writebehind/status.h"

namespace writebehind {

// The plan of an output on a table as its catalog says it is. kConfig names a column that is missing or
// can't be written, or keys that no primary key or UNIQUE index has. A catalog
// without columns (the null sink has no tables) takes every column as it is. `warnings` get a sentence each.
Status MakePlan(const Output& output, const Catalog& catalog, TablePlan* plan,
                std::vector<std::string>* warnings);

// REQUIRES: `plan` is of this output. `fields` are those that the columns are mapped from: the record's own, or
// what a transform made of them. Sets is_delete and cells; row->record is the caller's. A delete whose row is
// not known (Record::was lacks a key column, or holds what no row can have) has no cells. Allocates nothing where the values are canonical: cells are views into the record, `output` or `plan`, so the row
// lives no longer than those and the arena's next Clear. False: the record can't be written; `refusal` says
// column, type, value and reason (its row is untouched).
bool MapRecord(const Output& output, const TablePlan& plan, const Record& record, std::span<const Field> fields,
               RowArena* arena, Row* row, Refusal* refusal);

// The fields that key columns are made of, by name, as the record has them; none, if it lacks one.
std::vector<Field> KeyFields(const Output& output, const Record& record);

// Have both, rows of one plan, the same key?
bool SameKey(const TablePlan& plan, const Row& one, const Row& other);

}  // namespace writebehind
