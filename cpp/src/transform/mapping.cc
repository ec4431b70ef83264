#include "transform/mapping.h"

#include "transform/cast.h"
#include "util/printable.h"

namespace writebehind {
namespace {

bool Refuse(const Column& column, std::string_view value, std::string reason, Refusal* refusal) {
  refusal->column = column.name;
  refusal->type = column.type.name;
  refusal->value = Printable(value);
  refusal->reason = std::move(reason);
  refusal->is_constraint = false;
  return false;
}

bool MapKey(const KeyColumn& key, const Column& column, std::string_view redis_key, RowArena* arena,
            Cell* cell, Refusal* refusal) {
  if (!redis_key.starts_with(key.key_prefix)) {
    return Refuse(column, redis_key, "the key does not begin with '" + Printable(key.key_prefix) + "'",
                  refusal);
  }
  const std::string_view text = redis_key.substr(key.key_prefix.size());
  std::string refused = Cast(column.type, text, arena, &cell->text);
  if (refused.empty() && !IsCanonicalKey(column.type, text, cell->text)) {
    refused = "the key is not the canonical text of its value";
    if (cell->text != text) refused += ", '" + Printable(cell->text) + "'";
  }
  if (!refused.empty()) return Refuse(column, text, std::move(refused), refusal);
  cell->state = Cell::State::kValue;
  return true;
}

// The field that `mapped` names, null where the hash has none. Named fields mostly come in the same order,
// so the search begins at `hint`.
const Field* FindField(const MappedColumn& mapped, const Record& record, std::size_t hint) {
  const std::span<const Field> fields = record.fields;
  const bool positional = !fields.empty() && fields.front().name.empty() && mapped.index != kByName;
  if (positional) {
    if (mapped.index >= fields.size() || !fields[mapped.index].present) return nullptr;
    return &fields[mapped.index];
  }
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const Field& field = fields[(hint + i) % fields.size()];
    if (field.name == mapped.field) return field.present ? &field : nullptr;
  }
  return nullptr;
}

}  // namespace

bool MapRecord(const Output& output, const TablePlan& plan, const Record& record, RowArena* arena, Row* row,
               Refusal* refusal) {
  const std::span<Cell> cells = arena->NewCells(plan.width());
  for (std::size_t i = 0; i < plan.keys.size(); ++i) {
    if (!MapKey(output.keys[i], plan.keys[i], record.key, arena, &cells[i], refusal)) return false;
  }
  row->is_delete = record.op == Op::kDelete;
  row->cells = cells;
  if (row->is_delete) return true;

  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    Cell& cell = cells[plan.keys.size() + i];
    const Field* field = FindField(output.columns[i], record, i);
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

}  // namespace writebehind
