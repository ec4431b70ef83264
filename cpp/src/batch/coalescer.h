// Of consecutive changes of a key within a batch only the last is written.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "batch/batch.h"

namespace writebehind {

// Belongs to one worker; reused, so that its table keeps its memory.
class Coalescer {
 public:
  // Fills batch->heads from batch->rows: one row per key, the last, in the order of each key's first
  // change. What the last leaves alone (kKeep) is what the changes before it made of it, so that the table
  // ends as if each had been written. A row that the target refuses is coalesced again without it, so that
  // the one before it stands. A head that took something from the rows before it is `merged`. Heads live until the next Run.
  void Run(Batch* batch);

 private:
  Row Merge(const Row& earlier, const Row& later);

  std::unordered_map<std::string_view, std::uint32_t> head_of_;  // by Redis key: index into heads
  std::vector<std::unique_ptr<Cell[]>> merged_;                  // cells of heads that took some from earlier rows
};

}  // namespace writebehind
