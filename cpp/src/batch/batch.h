// A Batch is what one transaction will write: consecutive records of one writer, of one stream identity
// and one definition, with what is known of each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "writebehind/parcel.h"
#include "writebehind/row.h"

namespace writebehind {

// What was decided about one record so far.
struct Fate {
  enum class State : std::uint8_t {
    kPending,  // to be written
    kSkipped,  // at or before the checkpoint: committed earlier
    kDropped,  // by the recipe's own function: nothing to write
    kFailed,   // refused, by a cast or by the target
  };
  State state = State::kPending;
  bool stored = false;  // kFailed: it is in the rejected stream
  bool has_no_row = false;  // kDropped: a delete of no row, as far as those before it are written
  std::string reason;   // kFailed: for the writer's answer
};

// Belongs to one worker; reused, so that its vectors keep their memory.
struct Batch {
  std::vector<const Record*> records;  // in the order of their IDs
  std::vector<Fate> fates;             // of each record
  std::vector<Holding> holdings;       // what keeps the records alive
  std::size_t bytes = 0;
  bool again = false;  // some of it may have been read before, by an engine that ended since
  // How it is tried again after a constraint refused something of it (pipeline/worker_constraints.cc).
  enum class As : std::uint8_t {
    kBatch,     // as any other
    kAlone,     // one record, when all before it, of every writer, are decided
    kTogether,  // a foreign key refused its first: with what came behind that
  };
  As as = As::kBatch;

  std::vector<Row> rows;   // of the pending records, in their order
  std::vector<Row> heads;  // of those, the last of each key: what is written
  std::uint64_t mapped_by = 0;  // plan that rows and heads were made by ahead of time; 0: they are to be made

  [[nodiscard]] bool empty() const { return records.empty(); }
  [[nodiscard]] std::uint64_t identity() const { return records.front()->identity; }
  [[nodiscard]] std::uint32_t definition() const { return records.front()->definition; }
  [[nodiscard]] StreamId last() const { return records.back()->id; }

  // Cuts the records from `at` on off, with their fates, and returns them as a batch of their own.
  // REQUIRES: 0 < at < records.size().
  Batch CutAt(std::size_t at);

  // Appends the records of `next`, with their fates.
  // REQUIRES: it is of the same stream identity and definition, and came behind these.
  void Join(Batch next);

  void Clear() {
    records.clear();
    fates.clear();
    holdings.clear();
    bytes = 0;
    again = false;
    as = As::kBatch;
    rows.clear();
    heads.clear();
    mapped_by = 0;
  }
};

}  // namespace writebehind
