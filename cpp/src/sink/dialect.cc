#include "sink/dialect.h"

namespace writebehind {

std::string Quote(std::string_view name, char mark) {
  std::string quoted(1, mark);
  for (const char c : name) {
    quoted += c;
    if (c == mark) quoted += c;
  }
  return quoted + mark;
}

std::string Quote(const TableName& table, char mark) {
  if (table.schema.empty()) return Quote(table.table, mark);
  return Quote(table.schema, mark) + "." + Quote(table.table, mark);
}

CheckpointSql::CheckpointSql(const TableName& table, char mark, char style, const std::string& id_type) {
  const std::string name = Quote(table, mark);
  const std::string id = Quote("id", mark);
  const std::string val = Quote("val", mark);
  auto parameter = [style](char number) {
    return style == '$' ? std::string{'$', number} : std::string("?");
  };
  const std::string by_id = " WHERE " + id + " = ";
  move = "UPDATE " + name + " SET " + val + " = " + parameter('1') + by_id + parameter('2') + " AND " + val +
         " = " + parameter('3');
  // Not by a UNIQUE index, which a table made by hand may lack.
  create = "INSERT INTO " + name + " (" + id + ", " + val + ") SELECT " + parameter('1') + ", " +
           parameter('2') + " FROM (SELECT 1 AS one) AS one WHERE NOT EXISTS (SELECT 1 FROM " + name + by_id +
           parameter('3') + ")";
  read = "SELECT " + val + " FROM " + name + by_id + parameter('1');
  forget = "DELETE FROM " + name + by_id + parameter('1');
  probe = "SELECT " + id + ", " + val + " FROM " + name + " WHERE 1 = 0";
  create_table = "CREATE TABLE " + name + " (" + id + " " + id_type + " NOT NULL PRIMARY KEY, " + val +
                 " varchar(64) NOT NULL)";
}

std::string CreateTable(const Output& output, char mark, const std::string& key_type,
                        const std::string& type) {
  std::string sql = "CREATE TABLE " + Quote(output.table, mark) + " (";
  std::string keys;
  for (const KeyColumn& key : output.keys) {
    sql += Quote(key.column, mark) + " " + key_type + " NOT NULL, ";
    keys += (keys.empty() ? "" : ", ") + Quote(key.column, mark);
  }
  for (const MappedColumn& column : output.columns) sql += Quote(column.column, mark) + " " + type + ", ";
  return sql + "PRIMARY KEY (" + keys + "))";
}

}  // namespace writebehind
