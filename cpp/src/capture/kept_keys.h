// The key columns that each Redis key was last captured with, where they are fields of the hash: a delete, or
// a change of them, has to find the row that was written. They are kept in `writebehind:{<p>}:keys`:
//
//   k<Redis key>  the values of the key columns' fields (`values` of codec/entry_format.h)
//   r<values>     how many Redis keys have them; only where several may name one row
//
// A hash that lacks one of the fields names no row, and leaves what is kept as it is.
#pragma once

#include <string>
#include <string_view>

#include "capture/append.h"

namespace writebehind {

// What one change finds there and leaves there.
class KeptKeys {
 public:
  KeptKeys(redis::Context* ctx, const Pipeline& pipeline, const Change& change);

  // The values of the row that this change leaves, to be deleted; empty: none. Not that of values which
  // another Redis key has too: its row stays.
  [[nodiscard]] std::string_view was() const { return leaves_row_ ? std::string_view(before_) : std::string_view(); }

  // Keeps what the change made of them, here, on replicas and in the AOF.
  void Save(redis::Context* ctx) const;

 private:
  const Pipeline& pipeline_;
  std::string field_;   // k<Redis key>
  std::string before_;  // its values, empty: none were kept
  std::string now_;     // empty: none from now on
  std::uint64_t holders_ = 0;  // of before_, as counted
  bool changes_ = false;
  bool leaves_row_ = false;
};

}  // namespace writebehind
