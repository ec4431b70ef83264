// Of consecutive changes of a key within a batch only the last is written.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "batch/batch.h"

namespace writebehind {

// Belongs to one worker; reused, so that its table keeps its memory.
class Coalescer {
 public:
  // Fills batch->heads from batch->rows: one row per key, the last, in the order of each key's first
  // change. A row that the target refuses is coalesced again without it, so that the one before it stands.
  void Run(Batch* batch);

 private:
  std::unordered_map<std::string_view, std::uint32_t> head_of_;  // by Redis key: index into heads
};

}  // namespace writebehind
