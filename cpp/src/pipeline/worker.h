// A worker carries the changes of its share of the keys from its queue into the target: the data path.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ack/settlement.h"
#include "batch/batch.h"
#include "batch/batcher.h"
#include "batch/coalescer.h"
#include "pipeline/brake.h"
#include "pipeline/context.h"
#include "pipeline/grace.h"
#include "pipeline/lookahead.h"
#include "pipeline/moves.h"
#include "pipeline/passed.h"
#include "pipeline/retry.h"
#include "pipeline/rewriter.h"
#include "pipeline/stray_rows.h"
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

  // Connects to the target before there is anything to write; that it fails is told when there is.
  void Warm() { static_cast<void>(Connect()); }

  // Lets go of the target; the last call of the thread.
  void Close() { target_.Disconnect(); }

  void Cancel() noexcept {
    redis_.Interrupt();
    target_.Cancel();
  }

 private:
  using RefusedRecord = std::pair<std::uint32_t, Refusal>;  // index into the batch's records

  bool NextBatch();
  bool IsMapped(const Plan* plan);
  Status Try();
  Status Attempt();
  void MapRows(const Plan* plan);
  bool MayLookAhead(const Plan* plan) const;
  bool MapOne(const Plan& plan, const Record& record, std::uint32_t i, Row* row);
  Status Commit(const Plan* plan);
  std::unique_ptr<Settlement> BuildSettlement();
  void Count();

  // worker_fence.cc: only one engine writes
  Status Connect();
  Status ConfirmLease();

  // worker_keys.cc: key columns that are fields of the hash
  Status MapKeyedRows(const Plan& plan);
  std::size_t TryMapKeyedRows(const Plan& plan, StreamId passed);
  bool MapLeft(const Plan& plan, const Record& record, Row* left);
  static std::string NameOf(const Plan& plan, const Row& row);
  std::string RowOf(const Plan& plan, std::string_view values);
  void Stays(const Plan& plan, const Record& record, const Row* left);
  void MoveFrom(const Plan& plan, const Row& left, Row* row);
  void SplitMoves(const TablePlan& plan);
  void SayUnknown(std::string_view key);
  Status StoreStrays();

  // worker_resume.cc: what was written earlier
  Status Rejoin();
  Status SkipCommitted();
  Status Locate(std::uint64_t identity, const Passed** passed);
  Status AskRedis(StreamId at, bool* is_there, std::map<std::string, StreamId>* checkpoints);
  Status IsInStream(StreamId id, bool* is_there);
  Status Restored(std::uint64_t identity, StreamId at, bool* is_restored);
  Status StartIdentity(StreamId behind);
  Status Secure();
  bool GiveBack();
  Status RecallRejections(const std::vector<std::uint32_t>& records);
  Status RejectionReason(std::string_view id, std::string* reason);
  Status OpenRedis();
  Status CommandRedis(std::span<const std::string_view> words, Reply* reply);
  Status CommandRedis(std::initializer_list<std::string_view> words, Reply* reply) {
    return CommandRedis(std::span<const std::string_view>(words.begin(), words.size()), reply);
  }

  // worker_former.cc: what other numbers of writers wrote
  Status FindFormer(std::uint64_t identity, const std::map<std::string, StreamId>& checkpoints, Passed* passed, bool* is_restored);
  Status EnterCheckpoint(std::uint64_t identity, const std::string& field, StreamId position);
  void LeaveFormer(std::uint64_t identity);

  // worker_rejects.cc: what a cast or the target refuses
  Status HandleRefused();
  Status Halt();
  [[nodiscard]] std::string CommonCause() const;
  bool HoldsAll();
  bool CutMerged();
  void CutAt(std::size_t at);
  Status StoreRefused();
  void TakeBack();
  void Reopen();
  void Refuse(std::uint32_t record, Refusal refusal);

  // worker_constraints.cc: what a constraint refuses that other changes may satisfy
  bool AwaitTurn();
  bool IsInOrder(const TablePlan& plan) const;
  void Decided();
  Status TryInOrder();
  Status Isolate();
  Status AwaitParent(std::uint32_t record, const Refusal& refusal);
  void Gather();
  [[nodiscard]] bool OthersWait() const;
  Status LeaveToOneWriter();
  void KeepForeignKeys();

  Context* context_;
  const std::size_t writer_;
  Lane* lane_;
  Target target_;
  Batcher batcher_;
  Lookahead ahead_{&batcher_};
  Rewriter rewriter_;
  Coalescer coalescer_;
  Retry retry_;
  Brake brake_;
  Grace grace_;
  bool was_in_order_ = false;  // what was refused last was tried so
  bool gathers_ = false;       // a batch whose rows wait takes what has come before it is tried again
  bool awaits_row_ = false;    // the last attempt failed for want of a foreign key's row
  StreamId isolated_;  // first entry of the batch that was cut though it is one that a foreign key refuses
  StrayRows strays_;
  Moves moves_;
  bool said_unknown_ = false;  // that a delete's row was not known
  Connection redis_;  // opened when the first change is rejected
  RowArena arena_;
  Batch batch_;
  std::vector<RefusedRecord> refused_;  // of this batch, not stored yet
  bool storing_ = false;                // they may be in the rejected stream already: there is no way back
  std::uint64_t none_rejected_ = 0;     // reading at whose beginning nothing was listed as rejected
  bool recalled_ = false;               // Redis was asked what of this batch was rejected earlier
  std::vector<std::uint32_t> merged_refused_;  // of refused_: records whose rows took something from earlier ones
  std::vector<Batch> cut_;              // the rest of a batch that was cut; the next one last
  bool whole_ = true;                   // batch_ was not cut yet
  std::pair<std::uint64_t, StreamId> secured_;  // up to this entry of this identity, what was read outlives a failover
  bool is_gone_ = false;                // what was read is to be read again: all of it is given back until then
  std::map<std::uint64_t, Passed> passed_;  // by identity: what is committed, as Locate found since the last Rejoin and as was done since
};

}  // namespace writebehind
