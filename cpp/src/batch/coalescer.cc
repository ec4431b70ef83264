#include "batch/coalescer.h"

#include <algorithm>

namespace writebehind {
namespace {

bool Keeps(const Row& row) {
  return !row.is_delete && std::any_of(row.cells.begin(), row.cells.end(), [](const Cell& cell) { return cell.state == Cell::State::kKeep; });
}

}  // namespace

Row Coalescer::Merge(const Row& earlier, const Row& later) {
  Row merged = later;
  if (!Keeps(later)) return merged;
  merged.replaces = earlier.is_delete || earlier.replaces;
  merged.merged = true;
  if (earlier.is_delete) return merged;
  merged_.push_back(std::make_unique<Cell[]>(later.cells.size()));
  const std::span<Cell> cells(merged_.back().get(), later.cells.size());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    cells[i] = later.cells[i].state == Cell::State::kKeep ? earlier.cells[i] : later.cells[i];
  }
  merged.cells = cells;
  return merged;
}

void Coalescer::Run(Batch* batch) {
  batch->heads.clear();
  merged_.clear();
  head_of_.clear();
  head_of_.reserve(batch->rows.size());
  for (const Row& row : batch->rows) {
    const auto next = static_cast<std::uint32_t>(batch->heads.size());
    const auto [place, first] = head_of_.try_emplace(batch->records[row.record]->key, next);
    if (first) {
      batch->heads.push_back(row);
    } else {
      batch->heads[place->second] = Merge(batch->heads[place->second], row);
    }
  }
}

}  // namespace writebehind
