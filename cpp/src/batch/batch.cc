#include "batch/batch.h"

#include <algorithm>
#include <iterator>

namespace writebehind {

Batch Batch::CutAt(std::size_t at) {
  Batch tail;
  const auto from = static_cast<std::ptrdiff_t>(at);
  tail.records.assign(records.begin() + from, records.end());
  tail.fates.assign(std::make_move_iterator(fates.begin() + from), std::make_move_iterator(fates.end()));
  records.resize(at);
  fates.resize(at);
  std::size_t left = at;  // of the records that this batch keeps
  std::vector<Holding> kept;
  for (Holding& holding : holdings) {
    const std::size_t here = std::min(left, holding.records);
    left -= here;
    if (holding.records > here) tail.holdings.push_back({holding.parcel, holding.records - here});
    if (here > 0) kept.push_back({std::move(holding.parcel), here});
  }
  holdings = std::move(kept);
  for (const Record* record : tail.records) tail.bytes += record->packed.size();
  bytes -= tail.bytes;
  tail.again = again;
  rows.clear();
  heads.clear();
  return tail;
}

void Batch::Join(Batch next) {
  records.insert(records.end(), next.records.begin(), next.records.end());
  fates.insert(fates.end(), std::make_move_iterator(next.fates.begin()), std::make_move_iterator(next.fates.end()));
  holdings.insert(holdings.end(), std::make_move_iterator(next.holdings.begin()), std::make_move_iterator(next.holdings.end()));
  bytes += next.bytes;
  again = again || next.again;
  rows.clear();
  heads.clear();
  mapped_by = 0;
}

}  // namespace writebehind
