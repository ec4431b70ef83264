// Of consecutive changes of a key within a batch only the last is written.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "batch/batch.h"

namespace writebehind {

// Belongs to one worker; reused, so that its table keeps its memory.
class Coalescer {
 public:
  // `row_keys` 0: a Redis key has one row. Else several may name one row, which the first so many cells of a row
  // name: then the last change of each row is written, and the heads are in the order of these changes.
  //
  // Fills batch->heads from batch->rows: one row per key, the last, in the order of each key's first
  // change. What the last leaves alone (kKeep) is what the changes before it made of it, so that the table
  // ends as if each had been written. A row that the target refuses is coalesced again without it, so that
  // the one before it stands. A head that took something from the rows before it is `merged`. The row that another
  // one comes from has no head: that one takes it along. Heads live until the next Run.
  void Run(Batch* batch, std::size_t row_keys = 0);

 private:
  Row Merge(const Row& earlier, const Row& later, std::size_t row_keys);

  using Cells = std::span<const Cell>;
  struct HashCells {
    std::size_t operator()(Cells cells) const;
  };
  struct SameCells {
    bool operator()(Cells one, Cells other) const;
  };

  std::pair<std::uint32_t*, bool> HeadOf(const Batch& batch, const Row& row, std::size_t row_keys);

  // Index into heads,
  std::unordered_map<std::string_view, std::uint32_t> head_of_;                     // by Redis key,
  std::unordered_map<Cells, std::uint32_t, HashCells, SameCells> head_of_row_;  // or by the key of the row
  std::vector<std::unique_ptr<Cell[]>> merged_;                  // cells of heads that took some from earlier rows
};

}  // namespace writebehind
