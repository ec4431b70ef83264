#include "sink/dialect.h"

namespace writebehind::sqlite_sql {
namespace {

constexpr char kMark = '"';

struct Parts {
  Parts(const TablePlan& plan, const Shape& shape) {
    for (const std::size_t cell : shape.Cells(plan)) {
      const std::string column = Quote(plan.column(cell).name, kMark);
      const std::string parameter = "?" + std::to_string(cell + 1);
      Add(&columns, ", ", column);
      Add(&parameters, ", ", parameter);
      if (cell < plan.keys.size()) {
        Add(&keys, ", ", column);
        Add(&same_key, " AND ", column + " = " + parameter);
      } else {
        Add(&excluded, ", ", column + " = excluded." + column);
        Add(&set, ", ", column + " = " + parameter);
      }
    }
  }

  static void Add(std::string* list, const char* between, const std::string& part) {
    if (!list->empty()) *list += between;
    *list += part;
  }

  std::string columns, parameters, keys, same_key, excluded, set;
};

std::string InsertInto(const TablePlan& plan, const Parts& parts) {
  return "INSERT INTO " + Quote(plan.table, kMark) + " (" + parts.columns + ") VALUES (" + parts.parameters +
         ")";
}

}  // namespace

std::string Upsert(const TablePlan& plan, const Shape& shape) {
  const Parts parts(plan, shape);
  const std::string action = parts.excluded.empty() ? "NOTHING" : "UPDATE SET " + parts.excluded;
  return InsertInto(plan, parts) + " ON CONFLICT (" + parts.keys + ") DO " + action;
}

std::string Update(const TablePlan& plan, const Shape& shape) {
  const Parts parts(plan, shape);
  if (parts.set.empty()) return {};
  return "UPDATE " + Quote(plan.table, kMark) + " SET " + parts.set + " WHERE " + parts.same_key;
}

std::string Insert(const TablePlan& plan, const Shape& shape) {
  const Parts parts(plan, shape);
  return "INSERT INTO " + Quote(plan.table, kMark) + " (" + parts.columns + ") SELECT " + parts.parameters +
         " WHERE NOT EXISTS (SELECT 1 FROM " + Quote(plan.table, kMark) + " WHERE " + parts.same_key + ")";
}

std::string Delete(const TablePlan& plan) {
  Shape shape;
  shape.is_delete = true;
  return "DELETE FROM " + Quote(plan.table, kMark) + " WHERE " + Parts(plan, shape).same_key;
}

std::string Move(const TablePlan& plan) {
  std::string set, is_old, other;
  for (std::size_t i = 0; i < plan.keys.size(); ++i) {
    const std::string column = Quote(plan.keys[i].name, kMark);
    const std::string to = column + " = ?" + std::to_string(i + 1);
    Parts::Add(&set, ", ", to);
    Parts::Add(&other, " AND ", to);
    Parts::Add(&is_old, " AND ", column + " = ?" + std::to_string(plan.width() + i + 1));
  }
  const std::string table = Quote(plan.table, kMark);
  return "UPDATE " + table + " SET " + set + " WHERE " + is_old + " AND NOT EXISTS (SELECT 1 FROM " + table +
         " WHERE " + other + " AND NOT (" + is_old + "))";
}

std::string DeleteOld(const TablePlan& plan) {
  std::string is_old;
  for (std::size_t i = 0; i < plan.keys.size(); ++i) {
    Parts::Add(&is_old, " AND ", Quote(plan.keys[i].name, kMark) + " = ?" + std::to_string(plan.width() + i + 1));
  }
  return "DELETE FROM " + Quote(plan.table, kMark) + " WHERE " + is_old;
}

CheckpointSql Checkpoint(const TableName& table) { return {table, kMark, '?', "TEXT"}; }

std::vector<std::string> Schema(const Output& output) { return {CreateTable(output, kMark, "TEXT", "TEXT")}; }

}  // namespace writebehind::sqlite_sql
