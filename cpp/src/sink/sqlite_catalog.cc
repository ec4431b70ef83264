#include <algorithm>
#include <cctype>

#include "sink/catalog_reader.h"

namespace writebehind {
namespace {

std::string Upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c; });
  return text;
}

bool ContainsAny(const std::string& text, std::initializer_list<const char*> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](const char* word) { return text.find(word) != std::string::npos; });
}

std::string Value(const std::optional<std::string>& text) { return text.value_or(""); }

void ReadIndexes(const QueryFunction& query, const TableName& table, const std::string& schema,
                 Catalog* catalog) {
  const auto indexes =
      query("SELECT name FROM pragma_index_list(?1, ?2) WHERE \"unique\" AND NOT partial ORDER BY name",
            {table.table, schema});
  for (const Texts& index : indexes) {
    std::vector<std::string> columns;
    const auto parts = query("SELECT name, coll FROM pragma_index_xinfo(?1, ?2) WHERE key ORDER BY seqno",
                             {Value(index[0]), schema});
    for (const Texts& part : parts) {
      columns.push_back(part[0].value_or("(expression)"));
      for (Column& column : catalog->columns) {
        if (column.name != columns.back()) continue;
        if (Value(part[1]) == "NOCASE") column.type.case_insensitive = true;
        if (Value(part[1]) == "RTRIM") column.type.ignores_spaces = true;
      }
    }
    catalog->unique_keys.push_back(std::move(columns));
  }
}

// An INTEGER PRIMARY KEY has no index of its own.
void AddPrimaryKey(const std::vector<std::pair<int, std::string>>& primary, Catalog* catalog) {
  if (primary.empty()) return;
  std::vector<std::string> columns;
  for (const auto& [position, name] : primary) columns.push_back(name);
  const auto found = std::find(catalog->unique_keys.begin(), catalog->unique_keys.end(), columns);
  if (found == catalog->unique_keys.end()) catalog->unique_keys.push_back(std::move(columns));
}

}  // namespace

ColumnType SqliteType(const std::string& declared) {
  ColumnType type;
  type.name = declared.empty() ? "any" : declared;
  type.allows_infinity = true;
  type.scale = 9;
  const std::string name = Upper(declared.substr(0, declared.find('(')));
  auto is = [&](TypeKind kind) {
    type.kind = kind;
    if (kind != TypeKind::kFloat && kind != TypeKind::kNumeric) type.allows_infinity = false;
    return type;
  };
  if (ContainsAny(name, {"BOOL"})) return is(TypeKind::kBoolean);
  if (ContainsAny(name, {"DATETIME", "TIMESTAMP"})) return is(TypeKind::kTimestamp);
  if (name == "DATE") return is(TypeKind::kDate);
  if (name == "TIME") return is(TypeKind::kTime);
  if (name == "UUID") return is(TypeKind::kUuid);
  if (ContainsAny(name, {"JSON"})) {
    type.reads_numbers = !ContainsAny(name, {"INT", "CHAR", "CLOB", "TEXT", "BLOB"});
    return is(TypeKind::kJson);
  }
  // From here on by affinity, in SQLite's own order.
  type.scale = 0;
  if (ContainsAny(name, {"INT"})) return is(TypeKind::kInteger);
  if (ContainsAny(name, {"CHAR", "CLOB", "TEXT"})) return is(TypeKind::kText);
  if (ContainsAny(name, {"BLOB"})) return is(TypeKind::kBytes);
  if (name.empty()) return is(TypeKind::kOther);
  if (ContainsAny(name, {"REAL", "FLOA", "DOUB"})) return is(TypeKind::kFloat);
  if (ContainsAny(name, {"DEC", "NUMERIC", "NUMBER", "MONEY"})) {
    type.as_double = true;
    type.allows_infinity = false;
    return is(TypeKind::kNumeric);
  }
  type.reads_numbers = true;
  return is(TypeKind::kOther);
}

Status ReadSqliteCatalog(const QueryFunction& query, const TableName& table, Catalog* catalog) {
  *catalog = {};
  const std::string schema = table.schema.empty() ? "main" : table.schema;
  std::vector<std::pair<int, std::string>> primary;
  const auto columns = query(
      "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1, ?2) WHERE hidden "
      "<> 1 ORDER BY cid",
      {table.table, schema});
  if (columns.empty()) return {Code::kConfig, "no table '" + table.table + "' in the database file", "create it"};
  for (const Texts& row : columns) {
    Column column;
    column.name = Value(row[0]);
    column.type = SqliteType(Value(row[1]));
    const int position = std::stoi(Value(row[4]));
    column.primary_key = position > 0;
    column.nullable = Value(row[2]) == "0" && !column.primary_key;
    column.has_default = row[3].has_value() || (position == 1 && Upper(Value(row[1])) == "INTEGER");
    column.generated = Value(row[5]) != "0";
    if (position > 0) primary.emplace_back(position, column.name);
    catalog->columns.push_back(std::move(column));
  }
  std::sort(primary.begin(), primary.end());
  ReadIndexes(query, table, schema, catalog);
  AddPrimaryKey(primary, catalog);
  const std::string list = schema == "temp" ? "sqlite_temp_master" : "sqlite_master";
  for (const Texts& row :
       query("SELECT coalesce(sql, name) FROM " + list + " WHERE tbl_name = ?1 COLLATE NOCASE ORDER BY 1",
             {table.table})) {
    catalog->constraints.push_back(Value(row[0]));
  }
  return Status::Ok();
}

}  // namespace writebehind
