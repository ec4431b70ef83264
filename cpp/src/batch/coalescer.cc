#include "batch/coalescer.h"

namespace writebehind {

void Coalescer::Run(Batch* batch) {
  batch->heads.clear();
  head_of_.clear();
  head_of_.reserve(batch->rows.size());
  for (std::uint32_t i = 0; i < batch->rows.size(); ++i) {
    Row& row = batch->rows[i];
    const auto [place, first] = head_of_.try_emplace(batch->records[row.record]->key, static_cast<std::uint32_t>(batch->heads.size()));
    if (first) {
      batch->heads.push_back(row);
    } else {
      batch->heads[place->second] = row;
    }
  }
}

}  // namespace writebehind
