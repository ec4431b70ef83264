#include "pipeline/rewriter.h"

namespace writebehind {

Status Rewriter::Run(const Definition& definition, Batch* batch) {
  if (!transformer_ || done_) return Status::Ok();
  std::vector<const Record*> given;
  std::vector<std::uint32_t> origin;
  index_.assign(batch->records.size(), kUntouched);
  for (std::uint32_t i = 0; i < batch->records.size(); ++i) {
    if (batch->fates[i].state != Fate::State::kPending || batch->records[i]->op == Op::kDelete) continue;
    index_[i] = static_cast<std::uint32_t>(given.size());
    given.push_back(batch->records[i]);
    origin.push_back(i);
  }
  made_.clear();
  if (!given.empty()) {
    if (Status status = transformer_(definition, given, &made_); !status.ok()) return status;
    if (made_.size() != given.size()) return {Code::kTransient, "the transform answered for another number of changes"};
  }
  records_.reserve(given.size());
  fields_.reserve(given.size());
  for (std::size_t i = 0; i < given.size(); ++i) {
    Keep(*given[i], made_[i]);
    if (made_[i].verdict == Transformed::Verdict::kDropped) batch->fates[origin[i]].state = Fate::State::kDropped;
  }
  done_ = true;
  return Status::Ok();
}

void Rewriter::Keep(const Record& record, const Transformed& made) {
  std::vector<Field>& fields = fields_.emplace_back();
  fields.reserve(made.fields.size());
  for (const auto& [name, value] : made.fields) fields.push_back({name, value ? std::string_view(*value) : std::string_view{}, value.has_value()});
  records_.push_back(record);
  records_.back().fields = fields;
}

const Record& Rewriter::Of(const Batch& batch, std::uint32_t i, const std::string** refused) const {
  *refused = nullptr;
  if (i >= index_.size() || index_[i] == kUntouched) return *batch.records[i];
  const Transformed& made = made_[index_[i]];
  if (made.verdict == Transformed::Verdict::kRefused) *refused = &made.reason;
  return records_[index_[i]];
}

}  // namespace writebehind
