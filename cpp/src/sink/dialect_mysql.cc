#include <algorithm>

#include "sink/dialect.h"

namespace writebehind::mysql_sql {
namespace {

constexpr char kMark = '`';

std::string Name(const Column& column) { return Quote(column.name, kMark); }

void Add(std::string* list, const char* between, const std::string& part) {
  if (!list->empty()) *list += between;
  *list += part;
}

// A parameter where a value is stored. JSON must not come as binary, which long parameters are sent as.
std::string Stored(const Column& column) {
  return column.type.kind == TypeKind::kJson ? "CONVERT(? USING utf8mb4)" : "?";
}

// A parameter where a key is compared: a text beside a decimal would be compared as floating point.
std::string Compared(const Column& column) {
  const ColumnType& type = column.type;
  if (type.kind != TypeKind::kNumeric || type.precision == 0) return "?";
  return "CAST(? AS DECIMAL(" + std::to_string(type.precision) + "," + std::to_string(type.scale) + "))";
}

std::string SameKey(const TablePlan& plan) {
  std::string condition;
  for (const Column& key : plan.keys) Add(&condition, " AND ", Name(key) + " = " + Compared(key));
  return condition;
}

std::string InsertInto(const TablePlan& plan, const Shape& shape, std::size_t rows) {
  std::string columns;
  std::string row;
  for (const std::size_t cell : shape.Cells(plan)) {
    Add(&columns, ", ", Name(plan.column(cell)));
    Add(&row, ",", Stored(plan.column(cell)));
  }
  std::string sql = "INSERT INTO " + Quote(plan.table, kMark) + " (" + columns + ") VALUES ";
  sql.reserve(sql.size() + rows * (row.size() + 3));
  for (std::size_t i = 0; i < rows; ++i) sql.append(i == 0 ? "(" : ",(").append(row).append(")");
  return sql;
}

// ON DUPLICATE KEY UPDATE fires for every UNIQUE index, also for one that was added since the plan was made. A
// row found by another one than the key's has another key: a value that is two values fails, so that it is never
// touched. NULL would not do: to an AUTO_INCREMENT or TIMESTAMP column it is the next number, or the time.
std::string Guard(const TablePlan& plan) {
  std::string same;
  for (const Column& key : plan.keys) Add(&same, " AND ", Name(key) + " <=> VALUES(" + Name(key) + ")");
  const std::string first = Name(plan.keys.front());
  return first + " = IF(" + same + ", " + first + ", (SELECT NULL UNION ALL SELECT NULL))";
}

}  // namespace

std::string Upsert(const TablePlan& plan, const Shape& shape, std::size_t rows) {
  std::string set = Guard(plan);
  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    if (shape.Keeps(i)) continue;
    const std::string column = Name(plan.columns[i]);
    Add(&set, ", ", column + " = VALUES(" + column + ")");
  }
  return InsertInto(plan, shape, rows) + " ON DUPLICATE KEY UPDATE " + set;
}

std::string Delete(const TablePlan& plan, std::size_t rows) {
  std::string condition;
  const bool single = plan.keys.size() == 1;
  const std::string one = single ? Compared(plan.keys.front()) : "(" + SameKey(plan) + ")";
  for (std::size_t i = 0; i < rows; ++i) Add(&condition, single ? "," : " OR ", one);
  if (single) condition = Name(plan.keys.front()) + " IN (" + condition + ")";
  return "DELETE FROM " + Quote(plan.table, kMark) + " WHERE " + condition;
}

// The table can't be asked beside its own UPDATE, but as a table that is derived; LIMIT keeps it one.
std::string Move(const TablePlan& plan) {
  std::string set;
  for (const Column& key : plan.keys) Add(&set, ", ", Name(key) + " = " + Stored(key));
  const std::string table = Quote(plan.table, kMark);
  const std::string same = SameKey(plan);
  return "UPDATE " + table + " SET " + set + " WHERE " + same + " AND NOT EXISTS (SELECT 1 FROM (SELECT 1 FROM " +
         table + " WHERE " + same + " AND NOT (" + same + ") LIMIT 1) AS other)";
}

std::string Update(const TablePlan& plan, const Shape& shape) {
  std::string set;
  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    if (!shape.Keeps(i)) Add(&set, ", ", Name(plan.columns[i]) + " = " + Stored(plan.columns[i]));
  }
  if (set.empty()) return {};
  return "UPDATE " + Quote(plan.table, kMark) + " SET " + set + " WHERE " + SameKey(plan);
}

std::string Insert(const TablePlan& plan, const Shape& shape) { return InsertInto(plan, shape, 1); }

std::string Probe(const TablePlan& plan) {
  return "SELECT 1 FROM " + Quote(plan.table, kMark) + " WHERE " + SameKey(plan) + " FOR UPDATE";
}

std::string ShowCreate(const TableName& table) { return "SHOW CREATE TABLE " + Quote(table, kMark); }

CheckpointSql Checkpoint(const TableName& table) {
  return {table, kMark, '?', "varchar(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"};
}

std::vector<std::string> Schema(const Output& output) {
  // InnoDB takes keys of 3,072 bytes, at four a character.
  const std::size_t length = std::min<std::size_t>(255, 768 / std::max<std::size_t>(output.keys.size(), 1));
  return {CreateTable(output, kMark, "varchar(" + std::to_string(length) + ") CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "text")};
}

}  // namespace writebehind::mysql_sql
