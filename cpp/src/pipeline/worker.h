// A worker carries the changes of its share of the keys from its queue into the target: the data path.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ack/settlement.h"
#include "batch/batch.h"
#include "batch/batcher.h"
#include "batch/coalescer.h"
#include "pipeline/brake.h"
#include "pipeline/context.h"
#include "pipeline/retry.h"
#include "pipeline/target.h"
#include "transform/mapping.h"

namespace writebehind {

// Runs in one thread, but for Cancel.
class Worker {
 public:
  // `writer` counts from 1.
  Worker(Context* context, std::size_t writer);

  // One batch from the queue to its settlement. False: there is nothing more to do.
  bool RunOnce();

  void Cancel() noexcept {
    redis_.Interrupt();
    target_.Cancel();
  }

 private:
  using RefusedRecord = std::pair<std::uint32_t, Refusal>;  // index into the batch's records

  Status Attempt();
  Status SkipCommitted();
  Status CommandRedis(std::initializer_list<std::string_view> words, Reply* reply);
  Status Rejoin();
  void MapRows(const Plan* plan);
  Status HandleRefused();
  Status StoreRefused();
  void TakeBack();
  void Reopen();
  void Refuse(std::uint32_t record, Refusal refusal);
  Status Commit(const Plan* plan);
  Status EarlierRejection(const Record& record, std::string* reason);
  std::unique_ptr<Settlement> BuildSettlement();
  void Count();

  Context* context_;
  Lane* lane_;
  Target target_;
  Batcher batcher_;
  Coalescer coalescer_;
  Retry retry_;
  Brake brake_;
  Connection redis_;  // opened when the first change is rejected
  RowArena arena_;
  Batch batch_;
  std::vector<RefusedRecord> refused_;  // of this batch, not stored yet
  bool joined_ = false;
};

}  // namespace writebehind
