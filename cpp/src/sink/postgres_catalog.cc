// Source: https://www.postgresql.org/docs/current/catalogs.html
#include <map>

#include "sink/catalog_reader.h"
#include "sink/dialect.h"

namespace writebehind {
namespace {

constexpr char kFind[] = "SELECT to_regclass($1)::oid::text";

// A domain is followed to the type under it, whose length then counts.
constexpr char kColumns[] = R"(
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull OR t.typnotnull,
       a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL,
       a.attgenerated <> '' OR a.attidentity = 'a',
       b.typname, b.typtype, format_type(b.oid, -1), base.typmod, coalesce(NOT c.collisdeterministic, false),
       coalesce((SELECT string_agg(e.enumlabel, chr(1) ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = b.oid), '')
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
JOIN LATERAL (
  WITH RECURSIVE d(oid, typmod) AS (
    SELECT t.oid, a.atttypmod
    UNION ALL
    SELECT p.typbasetype, p.typtypmod FROM d JOIN pg_type p ON p.oid = d.oid WHERE p.typtype = 'd')
  SELECT d.oid, d.typmod FROM d JOIN pg_type p ON p.oid = d.oid WHERE p.typtype <> 'd') AS base ON true
JOIN pg_type b ON b.oid = base.oid
LEFT JOIN pg_collation c ON c.oid = a.attcollation
WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum)";

// Those that ON CONFLICT can name: valid, immediate, over all rows.
constexpr char kUnique[] = R"(
SELECT i.indexrelid::text, i.indisprimary, coalesce(a.attname, '(expression)')
FROM pg_index i
CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)
LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0
WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
  AND k.place <= i.indnkeyatts
ORDER BY i.indexrelid, k.place)";

constexpr char kConstraints[] = R"(
SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = $1::oid
UNION SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = $1::oid AND indisunique
UNION SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = $1::oid AND NOT tgisinternal
ORDER BY 1)";

struct Known {
  TypeKind kind;
  int bits;
  std::uint64_t max_bytes = 0;  // what a longer text is cut to without a word
};

const std::map<std::string, Known>& KnownTypes() {
  static const std::map<std::string, Known> kTypes = {
      {"bool", {TypeKind::kBoolean, 0}},        {"int2", {TypeKind::kInteger, 16}},
      {"int4", {TypeKind::kInteger, 32}},       {"int8", {TypeKind::kInteger, 64}},
      {"numeric", {TypeKind::kNumeric, 0}},     {"float4", {TypeKind::kFloat, 32}},
      {"float8", {TypeKind::kFloat, 64}},       {"text", {TypeKind::kText, 0}},
      {"varchar", {TypeKind::kText, 0}},        {"bpchar", {TypeKind::kText, 0}},
      {"citext", {TypeKind::kText, 0}},         {"bytea", {TypeKind::kBytes, 0}},
      {"date", {TypeKind::kDate, 0}},           {"time", {TypeKind::kTime, 0}},
      {"timestamp", {TypeKind::kTimestamp, 0}}, {"timestamptz", {TypeKind::kTimestamp, 0}},
      {"uuid", {TypeKind::kUuid, 0}},           {"json", {TypeKind::kJson, 0}},
      {"jsonb", {TypeKind::kJson, 0}},          {"oid", {TypeKind::kInteger, 32}},
      {"char", {TypeKind::kText, 0, 1}},        {"name", {TypeKind::kText, 0, 63}},
  };
  return kTypes;
}

std::string Value(const std::optional<std::string>& text) { return text.value_or(""); }
bool IsTrue(const std::optional<std::string>& text) { return text && *text == "t"; }

// The type's modifier holds precision and scale, or a length, each in its own way.
void ReadModifier(const std::string& base, int modifier, ColumnType* type) {
  constexpr int kHeader = 4;
  if (type->kind == TypeKind::kTime || type->kind == TypeKind::kTimestamp) {
    type->scale = modifier < 0 ? 6 : modifier;
  } else if (modifier < kHeader) {
    return;
  } else if (base == "varchar" || base == "bpchar") {
    type->max_length = static_cast<std::uint64_t>(modifier - kHeader);
  } else if (base == "numeric") {
    const int packed = modifier - kHeader;
    const int scale = ((packed & 0x7FF) ^ 0x400) - 0x400;
    if (scale < 0) return;  // rounds left of the point: left to the database
    type->precision = (packed >> 16) & 0xFFFF;
    type->scale = scale;
  }
}

ColumnType ReadType(const Texts& row, int server_version) {
  ColumnType type;
  const std::string base = Value(row[5]);
  const auto known = KnownTypes().find(base);
  if (known != KnownTypes().end()) {
    type.kind = known->second.kind;
    type.bits = known->second.bits;
    type.max_bytes = known->second.max_bytes;
  }
  type.is_unsigned = base == "oid";
  type.refuses_empty = base == "money";
  type.name = Value(row[1]);
  type.cast_name = Value(row[7]);
  type.has_spellings = type.kind == TypeKind::kOther;
  ReadModifier(base, std::stoi(Value(row[8])), &type);
  type.allows_nul = false;
  type.allows_nan = type.kind == TypeKind::kFloat || type.kind == TypeKind::kNumeric;
  const bool free_numeric =
      type.kind == TypeKind::kNumeric && type.precision == 0 && server_version >= 140000;
  type.allows_infinity = type.kind == TypeKind::kFloat || type.kind == TypeKind::kDate ||
                         type.kind == TypeKind::kTimestamp || free_numeric;
  type.max_year = 32767;
  type.with_zone = base == "timestamptz";
  type.ignores_spaces = base == "bpchar";
  type.case_insensitive = base == "citext" || IsTrue(row[9]);
  if (Value(row[6]) == "e") {
    type.kind = TypeKind::kEnum;
    type.has_spellings = false;
    const std::string labels = Value(row[10]);
    for (std::size_t at = 0; at <= labels.size();) {
      const std::size_t end = std::min(labels.find('\x01', at), labels.size());
      type.labels.push_back(labels.substr(at, end - at));
      at = end + 1;
    }
  }
  return type;
}

void ReadUnique(const QueryFunction& query, const std::string& oid, Catalog* catalog) {
  std::string index;
  for (const Texts& row : query(kUnique, {oid})) {
    if (Value(row[0]) != index) catalog->unique_keys.emplace_back();
    index = Value(row[0]);
    catalog->unique_keys.back().push_back(Value(row[2]));
    for (Column& column : catalog->columns) {
      if (IsTrue(row[1]) && column.name == Value(row[2])) column.primary_key = true;
    }
  }
}

}  // namespace

Status ReadPostgresCatalog(const QueryFunction& query, const TableName& table, int server_version,
                           Catalog* catalog) {
  *catalog = {};
  const auto found = query(kFind, {Quote(table, '"')});
  if (found.empty() || !found[0][0]) {
    return {Code::kConfig, "no table " + Quote(table, '"') + " in the database",
            "create it, or name its schema; the search path does not find it"};
  }
  const std::string oid = *found[0][0];
  for (const Texts& row : query(kColumns, {oid})) {
    Column column;
    column.name = Value(row[0]);
    column.type = ReadType(row, server_version);
    column.nullable = !IsTrue(row[2]);
    column.has_default = IsTrue(row[3]);
    column.generated = IsTrue(row[4]);
    catalog->columns.push_back(std::move(column));
  }
  if (catalog->columns.empty()) return {Code::kConfig, "table " + Quote(table, '"') + " has no columns"};
  ReadUnique(query, oid, catalog);
  for (const Texts& row : query(kConstraints, {oid})) catalog->constraints.push_back(Value(row[0]));
  return Status::Ok();
}

}  // namespace writebehind
