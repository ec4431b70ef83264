// Whether a batch outlives a failover: asked before each commit where the options say so (wait_replicas, wait_aof),
// so that the table never holds what Redis may still lose.
//
// Redis has a history, which a promotion ends (master_replid). What was read of one history is certain to be where
// a later write of our own is that a replica confirms, if that write went to the same one.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>

#include "stream/connection.h"
#include "writebehind/options.h"
#include "writebehind/status.h"
#include "writebehind/stream_id.h"

namespace writebehind {

// Thread-safe.
class Survival {
 public:
  explicit Survival(const PipelineOptions& options);

  // False: the options want nothing of it, and the rest is not called.
  [[nodiscard]] bool is_wanted() const { return replicas_ > 0 || aof_; }

  // Reading begins anew, on this connection.
  // REQUIRES: no batch is under way.
  Status Begin(Connection* reader);

  // One round trip: writes, and waits for as many replicas, or for the AOF, a second at most. kTransient: not yet,
  // and the message says what lacks. *is_gone: the connection leads to another history than the one that
  // was read, and what was read is to be read again: so it is then of every batch until the next Begin.
  Status Await(Connection* redis, StreamId last, bool* is_gone);

 private:
  bool HasEnded();
  bool EndsAt(std::string_view history);
  void AppendQuestions(Connection* redis, std::string_view last, bool is_full);
  Status AwaitReplicas(Connection* redis, bool by_aof, std::string_view connected);
  Status RequireAlways(Connection* redis);

  const std::size_t replicas_;
  const bool aof_;
  const std::string key_;
  std::mutex mutex_;
  std::string history_;  // empty: it has ended
  std::atomic<bool> knows_waitaof_{true};  // 7.0 does not
};

}  // namespace writebehind
