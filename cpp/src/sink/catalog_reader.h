// Reads a table's columns and constraints; knows no driver: the sink lends a function that runs a query.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "writebehind/catalog.h"
#include "writebehind/definition.h"
#include "writebehind/status.h"

namespace writebehind {

using Texts = std::vector<std::optional<std::string>>;  // a row of an answer; nothing: NULL

// Runs `sql` with text parameters; may throw the driver's exceptions through the reader.
using QueryFunction =
    std::function<std::vector<Texts>(const std::string& sql, const std::vector<std::string>& parameters)>;

// What MySQL's timestamps take: an offset behind the text, or texts in the session's zone alone.
struct MysqlZone {
  bool takes_offsets = false;
  bool is_utc = false;
};

// kConfig where the table is not there.
Status ReadPostgresCatalog(const QueryFunction& query, const TableName& table, int server_version,
                           Catalog* catalog);
Status ReadMysqlCatalog(const QueryFunction& query, const TableName& table, const MysqlZone& zone,
                        Catalog* catalog);
Status ReadSqliteCatalog(const QueryFunction& query, const TableName& table, Catalog* catalog);

// A type as SQLite's column declaration names it; its affinity decides where the name says nothing.
ColumnType SqliteType(const std::string& declared);

}  // namespace writebehind
