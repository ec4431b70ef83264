#include <algorithm>

#include "sink/catalog_reader.h"
#include "sink/dialect.h"

namespace writebehind {
namespace {

// The table's schema, or that of the connection where the parameter is empty.
constexpr char kHere[] = "TABLE_SCHEMA = IF(? = '', DATABASE(), ?) AND TABLE_NAME = ?";

std::string Value(const std::optional<std::string>& text) { return text.value_or(""); }

std::uint64_t Number(const std::optional<std::string>& text) {
  return text && !text->empty() ? std::stoull(*text) : 0;
}

// What follows a backslash in a declaration.
char Unescaped(char c) {
  switch (c) {
    case '0':
      return '\0';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    default:
      return c;
  }
}

// 'a','b''c' between the parentheses of enum('a','b''c').
std::vector<std::string> Labels(const std::string& declared) {
  std::vector<std::string> labels;
  bool inside = false;
  for (std::size_t i = declared.find('('); i != std::string::npos && i < declared.size(); ++i) {
    if (inside && declared[i] == '\\' && i + 1 < declared.size()) {
      labels.back() += Unescaped(declared[++i]);
    } else if (declared[i] != '\'') {
      if (inside) labels.back() += declared[i];
    } else if (inside && i + 1 < declared.size() && declared[i + 1] == '\'') {
      labels.back() += declared[++i];
    } else {
      inside = !inside;
      if (inside) labels.emplace_back();
    }
  }
  return labels;
}

struct Integer {
  const char* name;
  int bits;
};
constexpr Integer kIntegers[] = {
    {"tinyint", 8}, {"smallint", 16}, {"mediumint", 24}, {"int", 32}, {"bigint", 64}};

// Columns of the answer: see kColumns below.
struct Declared {
  explicit Declared(const Texts& row)
      : base(Value(row[1])),
        full(Value(row[2])),
        characters(Number(row[6])),
        bytes(Number(row[7])),
        precision(static_cast<int>(Number(row[8]))),
        scale(static_cast<int>(Number(row[9]))),
        fraction(static_cast<int>(Number(row[10]))),
        collation(Value(row[11])) {}
  std::string base, full;
  std::uint64_t characters, bytes;
  int precision, scale, fraction;
  std::string collation;

  [[nodiscard]] bool Is(std::initializer_list<const char*> names) const {
    return std::any_of(names.begin(), names.end(), [this](const char* name) { return base == name; });
  }
};

void ReadNumberType(const Declared& declared, ColumnType* type) {
  type->is_unsigned = declared.full.find("unsigned") != std::string::npos;
  for (const Integer& integer : kIntegers) {
    if (declared.base != integer.name) continue;
    type->kind = TypeKind::kInteger;
    type->bits = integer.bits;
    type->boolean_words = declared.full.starts_with("tinyint(1)");
  }
  if (declared.Is({"bit"})) {
    type->kind = TypeKind::kInteger;
    type->bits = declared.precision;
    type->is_unsigned = true;
    type->boolean_words = declared.precision == 1;
  } else if (declared.Is({"year"})) {
    type->kind = TypeKind::kInteger;
    type->bits = 16;
    type->is_unsigned = type->is_year = true;
  } else if (declared.Is({"decimal"})) {
    type->kind = TypeKind::kNumeric;
    type->precision = declared.precision;
    type->scale = declared.scale;
  } else if (declared.Is({"float", "double"})) {
    type->kind = TypeKind::kFloat;
    type->bits = declared.base == "float" ? 32 : 64;
  }
}

// All collations but the newer ones, and binary, take 'a ' for 'a'.
bool PadsSpaces(const std::string& collation) {
  return !collation.empty() && collation != "binary" && collation.find("_nopad_") == std::string::npos &&
         collation.find("_0900_") == std::string::npos;
}

void ReadTextType(const Declared& declared, ColumnType* type) {
  type->case_insensitive = declared.collation.ends_with("_ci");
  if (declared.Is({"char", "varchar"})) {
    type->kind = TypeKind::kText;
    type->max_length = declared.characters;
    type->ignores_spaces = declared.base == "char" || PadsSpaces(declared.collation);
  } else if (declared.Is({"tinytext", "text", "mediumtext", "longtext"})) {
    type->kind = TypeKind::kText;
    // Of its own characters' bytes: the database alone counts those of other character sets.
    if (declared.collation.starts_with("utf8")) type->max_bytes = declared.bytes;
    type->ignores_spaces = PadsSpaces(declared.collation);
  } else if (declared.Is({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"})) {
    type->kind = TypeKind::kBytes;
    type->max_length = declared.bytes;
    type->pads = declared.base == "binary";
  } else if (declared.Is({"json"})) {
    type->kind = TypeKind::kJson;
  } else if (declared.Is({"uuid"})) {
    type->kind = TypeKind::kUuid;
  } else if (declared.Is({"enum", "set"})) {
    type->kind = TypeKind::kEnum;
    type->labels = Labels(declared.full);
    type->is_set = declared.base == "set";
  }
}

void ReadTimeType(const Declared& declared, const MysqlZone& zone, ColumnType* type) {
  if (declared.Is({"date"})) type->kind = TypeKind::kDate;
  if (declared.Is({"time"})) type->kind = TypeKind::kTime;
  if (declared.Is({"datetime", "timestamp"})) type->kind = TypeKind::kTimestamp;
  if (declared.Is({"time", "datetime", "timestamp"})) type->scale = declared.fraction;
  type->max_hours = 838;
  if (!declared.Is({"timestamp"})) return;
  // An instant, kept and shown in the session's zone.
  type->with_zone = zone.takes_offsets;
  type->refuses_zone = !zone.takes_offsets && !zone.is_utc;
}

Column ReadColumn(const Texts& row, const MysqlZone& zone) {
  const Declared declared(row);
  Column column;
  column.name = Value(row[0]);
  column.type.name = declared.full;
  column.type.cast_name = declared.base;
  ReadNumberType(declared, &column.type);
  ReadTextType(declared, &column.type);
  ReadTimeType(declared, zone, &column.type);
  column.type.has_spellings = column.type.kind == TypeKind::kOther;
  const std::string extra = Value(row[5]);
  column.nullable = Value(row[3]) == "YES";
  // An ENUM that is left out becomes its first label.
  column.has_default =
      row[4].has_value() || extra.find("auto_increment") != std::string::npos || declared.Is({"enum"});
  column.generated = !Value(row[12]).empty();
  return column;
}

void ReadIndexes(const QueryFunction& query, const std::vector<std::string>& here, Catalog* catalog) {
  const auto rows =
      query("SELECT INDEX_NAME, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS WHERE " +
                std::string(kHere) + " AND NON_UNIQUE = 0 ORDER BY INDEX_NAME, SEQ_IN_INDEX",
            here);
  std::optional<std::string> index;
  for (const Texts& row : rows) {
    if (row[0] != index) catalog->unique_keys.emplace_back();
    index = row[0];
    // The first bytes of a column, or an expression, make other rows equal than the column does.
    catalog->unique_keys.back().push_back(row[2] || !row[1] ? "(expression)" : *row[1]);
    for (Column& column : catalog->columns) {
      if (Value(row[0]) == "PRIMARY" && row[1] == column.name) column.primary_key = true;
    }
  }
}

// MariaDB's JSON is a longtext with a condition.
void FindJson(const std::string& declared, Catalog* catalog) {
  for (Column& column : catalog->columns) {
    if (column.type.cast_name != "longtext") continue;
    if (declared.find("CHECK (json_valid(" + Quote(column.name, '`') + "))") == std::string::npos) continue;
    column.type.kind = TypeKind::kJson;
    column.type.name = "json";
  }
}

// Its counter moves with every insert and is no part of what the table is.
std::string WithoutCounter(std::string text) {
  const std::size_t at = text.find(" AUTO_INCREMENT=");
  if (at != std::string::npos) text.erase(at, text.find(' ', at + 1) - at);
  return text;
}

}  // namespace

Status ReadMysqlCatalog(const QueryFunction& query, const TableName& table, const MysqlZone& zone,
                        Catalog* catalog) {
  *catalog = {};
  const std::vector<std::string> here = {table.schema, table.schema, table.table};
  const auto columns = query(
      "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, EXTRA, "
      "CHARACTER_MAXIMUM_LENGTH,"
      " CHARACTER_OCTET_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE, DATETIME_PRECISION, COLLATION_NAME, "
      "GENERATION_EXPRESSION"
      " FROM information_schema.COLUMNS WHERE " +
          std::string(kHere) + " ORDER BY ORDINAL_POSITION",
      here);
  if (columns.empty()) {
    return {Code::kConfig, "no table " + Quote(table, '`') + " in the database",
            "create it, or grant the user a right on it"};
  }
  for (const Texts& row : columns) catalog->columns.push_back(ReadColumn(row, zone));
  ReadIndexes(query, here, catalog);
  const auto engines = query(
      "SELECT e.TRANSACTIONS FROM information_schema.TABLES t JOIN information_schema.ENGINES e ON e.ENGINE "
      "= t.ENGINE WHERE t." +
          std::string(kHere),
      here);
  catalog->transactional = engines.empty() || Value(engines[0][0]) == "YES";
  for (const Texts& row : query(mysql_sql::ShowCreate(table), {})) {
    if (row.size() < 2) continue;
    FindJson(Value(row[1]), catalog);
    catalog->constraints.push_back(WithoutCounter(Value(row[1])));
  }
  for (const Texts& row :
       query("SELECT CONCAT(TRIGGER_NAME, ' ', ACTION_STATEMENT) FROM information_schema.TRIGGERS"
             " WHERE EVENT_OBJECT_SCHEMA = IF(? = '', DATABASE(), ?) AND EVENT_OBJECT_TABLE = ? ORDER BY 1",
             here)) {
    catalog->constraints.push_back(Value(row[0]));
  }
  return Status::Ok();
}

}  // namespace writebehind
