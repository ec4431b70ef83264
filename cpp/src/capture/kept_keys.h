// The key columns that each Redis key was last captured with, where they are fields of the hash: a delete, or
// a change of them, has to find the row that was written. They are kept in `writebehind:{<p>}:keys`:
//
//   k<Redis key>  the values of the key columns' fields (`values` of codec/entry_format.h)
//   r<values>     only where several keys may name one row: its owner, the key that was captured last with them
//   f<Redis key>  only there: it went without an entry, while the engine remembered or could come to remember another
//                 row of it (pipeline/stray_rows.h). Its next entry says so
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

  // `was` and `from` of codec/entry_format.h; empty: the entry has none.
  [[nodiscard]] std::string_view was() const { return was_; }
  [[nodiscard]] std::string_view from() const { return from_; }
  [[nodiscard]] bool forgotten() const { return forgotten_; }

  // Keeps what the change made of them, here, on replicas and in the AOF.
  void Save(redis::Context* ctx) const;

  // A key that went without an entry: where keys share rows, nothing is kept for it. (Elsewhere the row that
  // it left is still its own, if it comes again.)
  static void Forget(redis::Context* ctx, const Pipeline& pipeline, std::string_view key);

 private:
  const Pipeline& pipeline_;
  std::string_view key_;
  std::string before_;  // its values, empty: none were kept
  std::string now_;     // empty: none from now on
  std::string owner_;   // of the row that before_ names, empty: none is known
  std::string was_;
  std::string from_;
  bool changes_ = false;  // its values
  bool forgotten_ = false;  // it went without an entry since it was captured last
  bool takes_ = false;    // the row that now_ names
};

}  // namespace writebehind
