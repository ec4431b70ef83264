// Runs the recipe's own function over a batch, once, and keeps what it made of each change.
#pragma once

#include <vector>

#include "batch/batch.h"
#include "writebehind/transformer.h"

namespace writebehind {

// Belongs to one worker.
class Rewriter {
 public:
  explicit Rewriter(const Transformer& transformer) : transformer_(transformer) {}

  // Judges the batch's pending upserts that it has not seen yet: what is dropped gets that fate. Deletes name
  // nothing but a key, so that there is nothing to transform.
  Status Run(const Definition& definition, Batch* batch);

  // Record `i` as it is to be mapped. Not null: why it is refused.
  const Record& Of(const Batch& batch, std::uint32_t i, const std::string** refused) const;

  // The batch is settled.
  void Clear() {
    done_ = false;
    records_.clear();
    made_.clear();
    fields_.clear();
    index_.clear();
  }

 private:
  void Keep(const Record& record, const Transformed& made);

  static constexpr std::uint32_t kUntouched = static_cast<std::uint32_t>(-1);

  const Transformer& transformer_;
  bool done_ = false;
  std::vector<std::uint32_t> index_;  // by the batch's record: which of those below
  std::vector<Transformed> made_;
  std::vector<Record> records_;            // with their new fields
  std::vector<std::vector<Field>> fields_;  // views into made_
};

}  // namespace writebehind
