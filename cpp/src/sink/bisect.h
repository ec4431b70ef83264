// Finds the rows that a database refuses by themselves, among many that it refused together.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "writebehind/sink.h"
#include "writebehind/status.h"

namespace writebehind {

// Applies all of `rows` that can be, in halves: about n_bad x log2(n) calls of `apply`. Order is kept.
//
// `apply(rows, &refusal)` applies all of them and returns kOk, or none (back at a savepoint) and returns
// kRefused with the refusal of a single row filled; any other code ends the search and is returned.
// `known_bad`: all of `rows` together were refused already.
template <typename Apply>
Status Bisect(std::span<const std::uint32_t> rows, bool known_bad, const Apply& apply,
              std::vector<Refusal>* refused) {
  if (rows.empty()) return Status::Ok();
  if (!known_bad || rows.size() == 1) {
    Refusal refusal;
    Status status = apply(rows, &refusal);
    if (status.code() != Code::kRefused) return status;
    if (rows.size() == 1) {
      refusal.row = rows.front();
      refused->push_back(std::move(refusal));
      return Status::Ok();
    }
  }
  const std::size_t half = rows.size() / 2;
  const std::size_t before = refused->size();
  Status status = Bisect(rows.first(half), false, apply, refused);
  if (!status.ok()) return status;
  // Nothing bad in the first half: then it is in the second, which needs no try as a whole.
  return Bisect(rows.subspan(half), refused->size() == before, apply, refused);
}

}  // namespace writebehind
