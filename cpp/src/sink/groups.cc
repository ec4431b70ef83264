#include "sink/groups.h"

#include <algorithm>
#include <map>

namespace writebehind {
namespace {

std::vector<bool> KeptColumns(const TablePlan& plan, const Row& row) {
  std::vector<bool> kept;
  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    if (row.cells[plan.keys.size() + i].state != Cell::State::kKeep) continue;
    kept.resize(plan.columns.size());
    kept[i] = true;
  }
  return kept;
}

}  // namespace

std::vector<std::size_t> Shape::Cells(const TablePlan& plan) const {
  std::vector<std::size_t> cells;
  for (std::size_t i = 0; i < plan.keys.size(); ++i) cells.push_back(i);
  for (std::size_t i = 0; !is_delete && i < plan.columns.size(); ++i) {
    if (!Keeps(i)) cells.push_back(plan.keys.size() + i);
  }
  return cells;
}

bool Shape::UpdateFirst(const TablePlan& plan) const {
  if (is_delete) return false;
  if (plan.update_first) return true;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const Column& column = plan.columns[i];
    if (kept[i] && !column.nullable && !column.has_default) return true;
  }
  return false;
}

std::string Shape::Name() const {
  std::string name = is_delete ? "d" : "u";
  for (const bool keep : kept) name += keep ? 'k' : '.';
  return name;
}

std::vector<Group> GroupRows(const TablePlan& plan, std::span<const Row> rows) {
  Group deletes;
  deletes.shape.is_delete = true;
  Group plain;
  std::map<std::vector<bool>, Group> keeping;
  for (std::uint32_t i = 0; i < rows.size(); ++i) {
    if (rows[i].is_delete || rows[i].replaces) deletes.rows.push_back(i);
    if (rows[i].is_delete) continue;
    std::vector<bool> kept = KeptColumns(plan, rows[i]);
    Group& group = kept.empty() ? plain : keeping[kept];
    if (group.rows.empty()) group.shape.kept = std::move(kept);
    group.rows.push_back(i);
  }
  std::vector<Group> groups;
  auto add = [&](Group&& group) {
    if (!group.rows.empty()) groups.push_back(std::move(group));
  };
  add(std::move(deletes));
  add(std::move(plain));
  for (auto& [kept, group] : keeping) add(std::move(group));
  return groups;
}

}  // namespace writebehind
