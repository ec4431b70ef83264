#include "transform/mapping.h"

#include <algorithm>

#include "transform/cast.h"
#include "util/printable.h"

namespace writebehind {
namespace {

bool Refuse(const Column& column, std::string_view value, std::string reason, Refusal* refusal) {
  refusal->column = column.name;
  refusal->type = column.type.name;
  refusal->value = Printable(value);
  refusal->reason = std::move(reason);
  refusal->constraint = Constraint::kNone;
  return false;
}

// The field of this name, null where the hash has none. Named fields mostly come in the same order, so the
// search begins at `hint`.
const Field* FindField(const std::string& name, std::size_t index, std::span<const Field> fields, std::size_t hint) {
  const bool positional = !fields.empty() && fields.front().name.empty() && index != kByName;
  if (positional) {
    if (index >= fields.size() || !fields[index].present) return nullptr;
    return &fields[index];
  }
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const Field& field = fields[(hint + i) % fields.size()];
    if (field.name == name) return field.present ? &field : nullptr;
  }
  return nullptr;
}

// `canonical`: two texts of one value would be two rows to Redis, and one to the table.
bool CastKey(const Column& column, std::string_view text, bool canonical, RowArena* arena, Cell* cell, Refusal* refusal) {
  std::string refused = Cast(column.type, text, arena, &cell->text);
  if (canonical && refused.empty() && !IsCanonicalKey(column.type, text, cell->text)) {
    refused = "the key is not the canonical text of its value";
    if (cell->text != text) refused += ", '" + Printable(cell->text) + "'";
  }
  if (!refused.empty()) return Refuse(column, text, std::move(refused), refusal);
  cell->state = Cell::State::kValue;
  return true;
}

bool MapKey(const KeyColumn& key, const Column& column, std::string_view redis_key, RowArena* arena,
            Cell* cell, Refusal* refusal) {
  if (!redis_key.starts_with(key.key_prefix)) {
    return Refuse(column, redis_key, "the key does not begin with '" + Printable(key.key_prefix) + "'",
                  refusal);
  }
  return CastKey(column, redis_key.substr(key.key_prefix.size()), true, arena, cell, refusal);
}

// The value of a key column that is a field. Deletes find rows by the values that were captured: so it is
// always the hash's own, and a transform can't make it another.
bool MapKeyField(const KeyColumn& key, const Column& column, const Record& record, std::span<const Field> fields,
                 bool canonical, RowArena* arena, Cell* cell, Refusal* refusal) {
  const Field* field = FindField(key.field, key.index, record.fields, 0);
  if (field == nullptr) {
    return Refuse(column, "NULL", "the hash has no field '" + Printable(key.field) + "', and a key can't be NULL", refusal);
  }
  if (fields.data() != record.fields.data()) {
    const Field* made = FindField(key.field, key.index, fields, 0);
    if (made != nullptr && made->value != field->value) {
      return Refuse(column, made->value, "the transform changed the field '" + Printable(key.field) + "', which a key column is made of",
                    refusal);
    }
  }
  return CastKey(column, field->value, canonical, arena, cell, refusal);
}

// The same of the row that was. False: there can't be such a row.
bool FindOldKey(const KeyColumn& key, const Column& column, const Record& record, RowArena* arena, Cell* cell) {
  const Field* field = FindField(key.field, kByName, record.was, 0);
  if (field == nullptr || !Cast(column.type, field->value, arena, &cell->text).empty()) return false;
  cell->state = Cell::State::kValue;
  return true;
}


}  // namespace

bool MapRecord(const Output& output, const TablePlan& plan, const Record& record, std::span<const Field> fields,
               RowArena* arena, Row* row, Refusal* refusal) {
  const std::span<Cell> cells = arena->NewCells(plan.width());
  row->is_delete = record.op == Op::kDelete;
  row->cells = cells;
  for (std::size_t i = 0; i < plan.keys.size(); ++i) {
    const KeyColumn& key = output.keys[i];
    if (!key.from_field()) {
      if (!MapKey(key, plan.keys[i], record.key, arena, &cells[i], refusal)) return false;
    } else if (row->is_delete) {
      if (!FindOldKey(key, plan.keys[i], record, arena, &cells[i])) row->cells = {};
    } else if (!MapKeyField(key, plan.keys[i], record, fields, plan.only_field_keys, arena, &cells[i], refusal)) {
      return false;
    }
  }
  if (row->is_delete) return true;

  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    Cell& cell = cells[plan.keys.size() + i];
    const Field* field = FindField(output.columns[i].field, output.columns[i].index, fields, i);
    if (field == nullptr) {
      cell.state = output.missing == Missing::kKeep ? Cell::State::kKeep : Cell::State::kNull;
      continue;
    }
    std::string refused = Cast(plan.columns[i].type, field->value, arena, &cell.text);
    if (!refused.empty()) return Refuse(plan.columns[i], field->value, std::move(refused), refusal);
    cell.state = Cell::State::kValue;
  }
  return true;
}

std::vector<Field> KeyFields(const Output& output, const Record& record) {
  std::vector<Field> fields;
  for (const KeyColumn& key : output.keys) {
    if (!key.from_field()) continue;
    const Field* field = FindField(key.field, key.index, record.fields, 0);
    if (field == nullptr) return {};
    fields.push_back({key.field, field->value, true});
  }
  std::sort(fields.begin(), fields.end(), [](const Field& a, const Field& b) { return a.name < b.name; });
  fields.erase(std::unique(fields.begin(), fields.end(), [](const Field& a, const Field& b) { return a.name == b.name; }), fields.end());
  return fields;
}

bool SameKey(const TablePlan& plan, const Row& one, const Row& other) {
  for (std::size_t i = 0; i < plan.keys.size(); ++i) {
    if (one.cells[i].text != other.cells[i].text) return false;
  }
  return true;
}

}  // namespace writebehind
