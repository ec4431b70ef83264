// PostgreSQL: every column of all rows is one text[] or bytea[] parameter, so that a statement's text does
// not depend on the number of rows and is prepared once.
//
// A text is cast to its column's type without the length: `'abc'::varchar(2)` would cut without a word,
// assigning 'abc'::varchar to a varchar(2) column fails as it should.
#include "sink/dialect.h"

namespace writebehind::postgres_sql {
namespace {

constexpr char kMark = '"';

std::string Join(const std::vector<std::string>& parts, const std::string& between) {
  std::string joined;
  for (const std::string& part : parts) joined += (joined.empty() ? "" : between) + part;
  return joined;
}

// The parts that the statements are put together from; c0, c1, … stand for shape.Cells(plan).
struct Parts {
  Parts(const TablePlan& plan, const Shape& shape) : table(Quote(plan.table, kMark)) {
    std::vector<std::string> parameters;
    for (const std::size_t cell : shape.Cells(plan)) {
      const std::string name = "c" + std::to_string(sources.size());
      const std::string column = Quote(plan.column(cell).name, kMark);
      sources.push_back(name);
      targets.push_back(column);
      casts.push_back("u." + name + "::" + plan.column(cell).type.cast_name + " AS " + name);
      const bool is_bytes = plan.column(cell).type.kind == TypeKind::kBytes;
      parameters.push_back("$" + std::to_string(sources.size()) + (is_bytes ? "::bytea[]" : "::text[]"));
      if (cell < plan.keys.size()) {
        keys.push_back(column);
        same_key.push_back("t." + column + " = s." + name);
        updated.push_back("n." + name + " = s." + name);
        key_sources.push_back("s." + name);
      } else {
        set.push_back(column + " = excluded." + column);
        assign.push_back(column + " = s." + name);
      }
    }
    rows = "SELECT " + Join(casts, ", ") + " FROM unnest(" + Join(parameters, ", ") + ") AS u(" +
           Join(sources, ", ") + ")";
  }

  std::string table;
  std::vector<std::string> sources, targets, casts, keys, key_sources, same_key, updated, set, assign;
  std::string rows;  // SELECT of all rows, typed

  [[nodiscard]] std::string OnConflict() const {
    const std::string action = set.empty() ? "NOTHING" : "UPDATE SET " + Join(set, ", ");
    return " ON CONFLICT (" + Join(keys, ", ") + ") DO " + action;
  }
  [[nodiscard]] std::string Insert() const {
    return "INSERT INTO " + table + " AS t (" + Join(targets, ", ") + ") ";
  }
};

struct Statement {
  std::vector<std::string> with;
  std::string last;
};

Statement UpdateFirst(const Parts& parts, const std::string& gate) {
  Statement made;
  made.with.push_back("s AS (" + parts.rows + gate + ")");
  std::string absent;
  if (parts.assign.empty()) {
    absent =
        "NOT EXISTS (SELECT 1 FROM " + parts.table + " AS t WHERE " + Join(parts.same_key, " AND ") + ")";
  } else {
    made.with.push_back("n AS (UPDATE " + parts.table + " AS t SET " + Join(parts.assign, ", ") +
                        " FROM s WHERE " + Join(parts.same_key, " AND ") + " RETURNING " +
                        Join(parts.key_sources, ", ") + ")");
    absent = "NOT EXISTS (SELECT 1 FROM n WHERE " + Join(parts.updated, " AND ") + ")";
  }
  made.last =
      parts.Insert() + "SELECT " + Join(parts.sources, ", ") + " FROM s WHERE " + absent + parts.OnConflict();
  return made;
}

// A row that is there is given its new key, or deleted where another row has that already: one or the other, as
// both see the table as it was before.
Statement Move(const TablePlan& plan, const Parts& parts, const std::string& gate) {
  std::vector<std::string> is_old, is_new, other_old, set;
  for (std::size_t i = 0; i < plan.keys.size(); ++i) {
    const std::string column = Quote(plan.keys[i].name, kMark);
    const std::string from = " = s.c" + std::to_string(i);
    const std::string to = " = s.c" + std::to_string(plan.keys.size() + i);
    is_old.push_back("t." + column + from);
    is_new.push_back("o." + column + to);
    other_old.push_back("o." + column + from);
    set.push_back(column + to);
  }
  const std::string taken = "EXISTS (SELECT 1 FROM " + parts.table + " AS o WHERE " + Join(is_new, " AND ") +
                            " AND NOT (" + Join(other_old, " AND ") + "))";
  const std::string where = " WHERE " + Join(is_old, " AND ") + " AND ";
  Statement made;
  made.with.push_back("s AS (" + parts.rows + gate + ")");
  made.with.push_back("n AS (UPDATE " + parts.table + " AS t SET " + Join(set, ", ") + " FROM s" + where + "NOT " +
                      taken + ")");
  made.last = "DELETE FROM " + parts.table + " AS t USING s" + where + taken;
  return made;
}

}  // namespace

std::string Write(const TablePlan& plan, const Shape& shape, const TableName* checkpoint) {
  const Parts parts(plan, shape);
  const std::string gate = checkpoint == nullptr ? "" : " WHERE EXISTS (SELECT 1 FROM moved)";
  Statement made;
  if (shape.moves) {
    made = Move(plan, parts, gate);
  } else if (shape.is_delete) {
    made.last = "DELETE FROM " + parts.table + " AS t USING (" + parts.rows + gate + ") AS s WHERE " +
                Join(parts.same_key, " AND ");
  } else if (shape.UpdateFirst(plan)) {
    made = UpdateFirst(parts, gate);
  } else {
    made.last = parts.Insert() + parts.rows + gate + parts.OnConflict();
  }
  if (checkpoint != nullptr) {
    auto parameter = [&](std::size_t i) { return "$" + std::to_string(parts.sources.size() + i) + "::text"; };
    made.with.insert(made.with.begin(), "moved AS (UPDATE " + Quote(*checkpoint, kMark) + " SET \"val\" = " +
                                            parameter(1) + " WHERE \"id\" = " + parameter(2) +
                                            " AND \"val\" = " + parameter(3) + " RETURNING 1)");
    made.with.push_back("written AS (" + made.last + ")");
    made.last = "SELECT count(*) FROM moved";
  }
  if (made.with.empty()) return made.last;
  return "WITH " + Join(made.with, ", ") + " " + made.last;
}

// By the type's own name too: it may be a domain with conditions.
std::string TryCasts(const std::vector<const Column*>& columns) {
  std::vector<std::string> casts;
  for (const Column* column : columns) {
    const std::string parameter = "$" + std::to_string(casts.size() + 1);
    casts.push_back(parameter + "::text::" + column->type.cast_name + "::" + column->type.name + " IS NULL");
  }
  return "SELECT " + Join(casts, " OR ");
}

CheckpointSql Checkpoint(const TableName& table) { return {table, kMark, '$', "text"}; }

std::vector<std::string> Schema(const Output& output) { return {CreateTable(output, kMark, "text", "text")}; }

}  // namespace writebehind::postgres_sql
