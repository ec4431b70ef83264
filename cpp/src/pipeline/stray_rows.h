// Rows that the table has kept although a later change of their Redis key gave it another: because that change
// was rejected or dropped. What was captured last says nothing of them, so the next change that is written has
// to be told: they are remembered in `writebehind:{<p>}:strays`.
//
//   <Redis key>  <identity>:<ID of the change that was not written>:<`values` of codec/entry_format.h>
//
// Only of pipelines with fields as key columns. One is stored before a commit passes its change, and removed
// after the commit of the change that takes the row away, before that one is settled: whatever is delivered
// again finds it as it was, or is known to be committed.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/definitions.h"
#include "stream/connection.h"
#include "transform/row_arena.h"
#include "writebehind/record.h"
#include "writebehind/status.h"

namespace writebehind {

// Belongs to one worker. What a batch changes is noted record by record, in order, and can be noted anew.
class StrayRows {
 public:
  explicit StrayRows(const std::string& pipeline) : key_("writebehind:{" + pipeline + "}:strays") {}

  // Reads them, unless they are those of `identity` already; a flush has lost those before it.
  Status Load(std::uint64_t identity, Connection* redis, Definitions* definitions);
  // The next Load reads again.
  void Reset() { loaded_ = 0; }

  // A batch is noted from its beginning.
  void Begin() {
    noted_.clear();
    resolved_.clear();
  }
  // The record with the row that the table has of its key: `was` is put right. That lives until the next Begin
  // and no longer than `arena`.
  Record Resolve(const Record& record, RowArena* arena);
  // The record, as resolved, is not written: its key's row stays where it is.
  // REQUIRES: `was` is not empty.
  void Stays(const Record& resolved);
  // The record is written.
  void Written(const Record& record) { Leave(record, false); }
  // The record was passed earlier: committed, unless it is the one that left the stray.
  void Skipped(const Record& record) { Leave(record, true); }

  // Before the commit: stores what stays.
  Status Store(Connection* redis);
  // After it: removes what is gone; the batch is done then. False from IsNoted: there is nothing to do.
  [[nodiscard]] bool IsNoted() const { return !noted_.empty(); }
  Status Finish(Connection* redis);

 private:
  struct Stray {
    std::uint64_t identity = 0;
    StreamId id;
    std::string values;
  };
  using Strays = std::map<std::string, Stray, std::less<>>;

  static std::optional<Stray> Parse(std::string_view text);
  [[nodiscard]] const Stray* Find(std::string_view key) const;
  void Leave(const Record& record, bool only_earlier);

  std::string key_;
  std::uint64_t loaded_ = 0;  // the identity of the stream then; 0: never
  Strays stored_;             // as in Redis, but for touched_
  std::map<std::string, std::optional<Stray>, std::less<>> noted_;  // of this batch; nothing: gone
  std::set<std::string, std::less<>> touched_;  // stored for a batch that is not done: stored_ has what was before
  std::deque<std::vector<Field>> resolved_;
};

}  // namespace writebehind
