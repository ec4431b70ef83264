#include "pipeline/moves.h"

#include <algorithm>

namespace writebehind {

std::string RowName(std::span<const Cell> keys, bool fold) {
  std::string name;
  for (const Cell& key : keys) name.append(std::to_string(key.text.size())).append(1, ':').append(key.text);
  if (!fold) return name;
  std::transform(name.begin(), name.end(), name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 'a' - 'A') : c; });
  return name;
}

bool Moves::Fit(const Batch& batch, const Row& row, const std::vector<std::string>& from) {
  if (touched_.empty()) {
    if (!row.moves && from.empty()) return true;
    for (const Row& earlier : batch.rows) Note(earlier, batch.records[earlier.record]->key);
  }
  const std::string_view key = batch.records[row.record]->key;
  if (const auto robbed = robbed_.find(key); robbed != robbed_.end()) {
    if (row.is_delete || robbed->second != RowName(row.cells.first(keys_), false)) return false;
    robbed_.erase(robbed);
  }
  if (row.moves ? !FitMove(row, key) : !Note(row, key)) return false;
  if (from.empty()) return true;
  const std::string name = RowName(row.cells.first(keys_), false);
  touched_[name].taken = true;
  for (const std::string& other : from) robbed_.insert_or_assign(other, name);
  return true;
}

bool Moves::FitMove(const Row& row, std::string_view key) {
  const std::string to = RowName(row.cells.first(keys_), false);
  if (touched_.contains(to)) return false;
  const bool keeps = std::any_of(row.cells.begin(), row.cells.end(), [](const Cell& cell) { return cell.state == Cell::State::kKeep; });
  const auto [from, first] = touched_.try_emplace(RowName(row.cells.last(keys_), false), Touch{key, As::kSource});
  if (!first && (keeps || from->second.key != key || from->second.as != As::kRow || from->second.taken)) return false;
  from->second.as = As::kSource;
  touched_.emplace(to, Touch{key, As::kTarget});
  return true;
}

bool Moves::Note(const Row& row, std::string_view key) {
  const auto [touch, first] = touched_.try_emplace(RowName(row.cells.first(keys_), false), Touch{key});
  if (first) return true;
  if (row.is_delete && touch->second.taken) return false;
  const bool is_own = touch->second.key == key;
  if (touch->second.as != As::kRow) return is_own && touch->second.as == As::kTarget;
  if (!is_own) touch->second.key = {};
  return true;
}

}  // namespace writebehind
