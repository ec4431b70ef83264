#include "batch/coalescer.h"

#include <algorithm>

namespace writebehind {
namespace {

bool Keeps(const Row& row) {
  return !row.is_delete && std::any_of(row.cells.begin(), row.cells.end(), [](const Cell& cell) { return cell.state == Cell::State::kKeep; });
}

}  // namespace

Row Coalescer::Merge(const Row& earlier, const Row& later, std::size_t row_keys) {
  Row merged = later;
  const bool keeps = Keeps(later);
  const bool moves = earlier.moves && !later.moves;
  if (keeps) merged.replaces = earlier.is_delete || earlier.replaces;
  merged.merged = keeps || moves;
  const bool takes = keeps && !earlier.is_delete;
  if (!takes && !moves) return merged;
  const std::size_t own = later.cells.size();
  const std::size_t size = own + (moves ? row_keys : 0);
  merged_.push_back(std::make_unique<Cell[]>(size));
  const std::span<Cell> cells(merged_.back().get(), size);
  for (std::size_t i = 0; i < own; ++i) {
    cells[i] = takes && later.cells[i].state == Cell::State::kKeep ? earlier.cells[i] : later.cells[i];
  }
  if (moves) {
    const auto from = earlier.cells.last(row_keys);
    std::copy(from.begin(), from.end(), cells.begin() + static_cast<std::ptrdiff_t>(own));
    merged.moves = true;
  }
  merged.cells = cells;
  return merged;
}

std::size_t Coalescer::HashCells::operator()(Cells cells) const {
  std::size_t hash = 0;
  for (const Cell& cell : cells) hash = hash * 31 + std::hash<std::string_view>{}(cell.text);
  return hash;
}

bool Coalescer::SameCells::operator()(Cells one, Cells other) const {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](const Cell& a, const Cell& b) { return a.text == b.text; });
}

// Where the head of the row's changes is, or will be; true: it is the first of them.
std::pair<std::uint32_t*, bool> Coalescer::HeadOf(const Batch& batch, const Row& row, std::size_t row_keys) {
  const auto next = static_cast<std::uint32_t>(batch.heads.size());
  if (row_keys > 0) {
    const auto [place, first] = head_of_row_.try_emplace(row.cells.first(row_keys), next);
    return {&place->second, first};
  }
  const auto [place, first] = head_of_.try_emplace(batch.records[row.record]->key, next);
  return {&place->second, first};
}

void Coalescer::Run(Batch* batch, std::size_t row_keys) {
  batch->heads.clear();
  merged_.clear();
  head_of_.clear();
  head_of_row_.clear();
  if (row_keys == 0) head_of_.reserve(batch->rows.size());
  constexpr std::size_t kGone = 0;  // the width of a head that moved away
  for (const Row& row : batch->rows) {
    if (row.moves) {
      const auto from = head_of_row_.find(row.cells.last(row_keys));
      if (from != head_of_row_.end()) batch->heads[from->second].cells = row.cells.first(kGone);
    }
    const auto [head, first] = HeadOf(*batch, row, row_keys);
    if (first) {
      batch->heads.push_back(row);
    } else {
      batch->heads[*head] = Merge(batch->heads[*head], row, row_keys);
    }
  }
  if (row_keys == 0) return;
  std::erase_if(batch->heads, [](const Row& head) { return head.cells.size() == kGone; });
  std::stable_sort(batch->heads.begin(), batch->heads.end(), [](const Row& a, const Row& b) { return a.record < b.record; });
}

}  // namespace writebehind
