// Finds the rows that a database refuses by themselves, among many that it refused together.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "writebehind/sink.h"
#include "writebehind/status.h"

namespace writebehind {

// Applies all of `rows` that can be, in their order. As many are tried together as lie between two bad ones so far,
// and what is refused is halved: n_bad x (log2(n / n_bad) + 2) calls of `apply` or so, and not more than one or two
// for each row where all are bad. Rows are tried in numbers that are powers of two, but for the last of them.
//
// `apply(rows, &refusal)` applies all of them and returns kOk, or none (back at a savepoint) and returns
// kRefused with the refusal of a single row filled; any other code ends the search and is returned.
// `known_bad`: all of `rows` together were refused already.
template <typename Apply>
Status Bisect(std::span<const std::uint32_t> rows, bool known_bad, const Apply& apply,
              std::vector<Refusal>* refused) {
  std::size_t bad = known_bad ? rows.size() : 0;  // so many of the next hold one that is bad; 0: nothing is known
  std::size_t together = rows.size();             // where nothing is
  std::size_t decided = 0;
  std::size_t found = 0;
  while (!rows.empty()) {
    const std::size_t count = bad > 1 ? std::bit_floor(bad - 1) : bad == 1 ? 1 : std::min(together, rows.size());
    Refusal refusal;
    const Status status = apply(rows.first(count), &refusal);
    if (!status.ok() && status.code() != Code::kRefused) return status;
    if (!status.ok() && count > 1) {
      bad = count;
      continue;
    }
    if (!status.ok()) {
      refusal.row = rows.front();
      refused->push_back(std::move(refusal));
      ++found;
    }
    rows = rows.subspan(count);
    decided += count;
    if (!status.ok()) {
      bad = 0;
      together = std::bit_floor(decided / found);
    } else if (bad > 0) {
      bad -= count;
    } else {
      together *= 2;
    }
  }
  return Status::Ok();
}

}  // namespace writebehind
