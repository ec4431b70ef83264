// The only place that builds SQL: identifiers always quoted, values always parameters.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sink/groups.h"
#include "writebehind/definition.h"
#include "writebehind/row.h"

namespace writebehind {

// `name` between two `mark`s, those inside doubled.
std::string Quote(std::string_view name, char mark);
std::string Quote(const TableName& table, char mark);

// The statements on an exactly-once table. Parameters in order: move (to, id, from); create (id, "0-0",
// id); read, forget (id).
struct CheckpointSql {
  std::string move;
  std::string create;
  std::string read;
  std::string forget;
  std::string probe;         // fails where the table or a column is missing
  std::string create_table;  // for a person

  // `style`: '$' for $1, '?' for ?.
  CheckpointSql(const TableName& table, char mark, char style, const std::string& id_type);
};

// CREATE TABLE for an output, all columns text.
std::string CreateTable(const Output& output, char mark, const std::string& key_type,
                        const std::string& type);

namespace postgres_sql {
// One statement for any number of rows. Parameters: a text[] (bytea[] for bytes) for each of
// shape.Cells(plan); with `checkpoint` three more: to, id, from. Then it answers one number: how many
// checkpoints moved (0: no row was written either).
std::string Write(const TablePlan& plan, const Shape& shape, const TableName* checkpoint);
// Reads one text parameter for each of these columns as a value of its type, and keeps nothing.
std::string TryCasts(const std::vector<const Column*>& columns);
CheckpointSql Checkpoint(const TableName& table);
std::vector<std::string> Schema(const Output& output);
}  // namespace postgres_sql

namespace mysql_sql {
// `rows` rows a statement; parameters row by row, each shape.Cells(plan). A row that another key's row stands in
// the way of fails with kMysqlGuard.
std::string Upsert(const TablePlan& plan, const Shape& shape, std::size_t rows);
std::string Delete(const TablePlan& plan, std::size_t rows);
// One row, given a new key unless another row has that; parameters: the new key, the old, and both again.
std::string Move(const TablePlan& plan);
// One row; parameters: the columns that are set, then the keys. Empty where nothing is set.
std::string Update(const TablePlan& plan, const Shape& shape);
// One row, parameters shape.Cells(plan).
std::string Insert(const TablePlan& plan, const Shape& shape);
// Is the row there? Parameters: the keys. Locks it.
std::string Probe(const TablePlan& plan);
std::string ShowCreate(const TableName& table);
CheckpointSql Checkpoint(const TableName& table);
std::vector<std::string> Schema(const Output& output);
}  // namespace mysql_sql

namespace sqlite_sql {
// One row. Parameters ?i+1 are the row's cell i, in every statement.
std::string Upsert(const TablePlan& plan, const Shape& shape);
std::string Update(const TablePlan& plan, const Shape& shape);  // empty where nothing is set
std::string Insert(const TablePlan& plan, const Shape& shape);  // nothing happens where the row is there
std::string Delete(const TablePlan& plan);
std::string Move(const TablePlan& plan);        // nothing happens where another row has the new key
std::string DeleteOld(const TablePlan& plan);   // the row that is moved from
CheckpointSql Checkpoint(const TableName& table);
std::vector<std::string> Schema(const Output& output);
}  // namespace sqlite_sql

}  // namespace writebehind
