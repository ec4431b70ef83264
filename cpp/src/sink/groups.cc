#include "sink/groups.h"

#include <algorithm>
#include <map>
#include <numeric>

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

bool MayShareRows(const TablePlan& plan) {
  return std::any_of(plan.keys.begin(), plan.keys.end(),
                     [](const Column& key) { return key.type.case_insensitive || key.type.has_spellings; });
}

std::vector<Group> GroupInOrder(const TablePlan& plan, std::span<const Row> rows) {
  std::vector<std::uint32_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return rows[a].record < rows[b].record; });
  std::vector<Group> groups;
  auto add = [&](std::uint32_t row, const Shape& shape) {
    const bool same = !groups.empty() && groups.back().shape.is_delete == shape.is_delete &&
                      groups.back().shape.moves == shape.moves && groups.back().shape.kept == shape.kept;
    if (!same) groups.push_back({shape, {}});
    groups.back().rows.push_back(row);
  };
  for (const std::uint32_t i : order) {
    if (rows[i].moves) add(i, {false, true, {}});
    if (rows[i].is_delete || rows[i].replaces) add(i, {true, false, {}});
    if (!rows[i].is_delete) add(i, {false, false, KeptColumns(plan, rows[i])});
  }
  return groups;
}

}  // namespace

std::vector<std::size_t> Shape::Cells(const TablePlan& plan) const {
  std::vector<std::size_t> cells;
  for (std::size_t i = 0; moves && i < plan.keys.size(); ++i) cells.push_back(plan.width() + i);
  for (std::size_t i = 0; i < plan.keys.size(); ++i) cells.push_back(i);
  for (std::size_t i = 0; !is_delete && !moves && i < plan.columns.size(); ++i) {
    if (!Keeps(i)) cells.push_back(plan.keys.size() + i);
  }
  return cells;
}

bool Shape::UpdateFirst(const TablePlan& plan) const {
  if (is_delete || moves) return false;
  if (plan.update_first) return true;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const Column& column = plan.columns[i];
    if (kept[i] && !column.nullable && !column.has_default) return true;
  }
  return false;
}

std::string Shape::Name() const {
  std::string name = moves ? "m" : is_delete ? "d" : "u";
  for (const bool keep : kept) name += keep ? 'k' : '.';
  return name;
}

std::vector<Group> GroupRows(const TablePlan& plan, std::span<const Row> rows) {
  if (MayShareRows(plan)) return GroupInOrder(plan, rows);
  Group moves;
  moves.shape.moves = true;
  Group deletes;
  deletes.shape.is_delete = true;
  Group plain;
  std::map<std::vector<bool>, Group> keeping;
  for (std::uint32_t i = 0; i < rows.size(); ++i) {
    if (rows[i].moves) moves.rows.push_back(i);
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
  add(std::move(moves));
  add(std::move(deletes));
  add(std::move(plain));
  for (auto& [kept, group] : keeping) add(std::move(group));
  return groups;
}

}  // namespace writebehind
