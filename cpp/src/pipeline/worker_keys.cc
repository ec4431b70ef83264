// What a worker does where key columns are fields of the hash: a Redis key's row can change, and several keys
// may name one row.
#include <fmt/format.h>

#include <algorithm>

#include "pipeline/worker.h"
#include "util/log.h"

namespace writebehind {
namespace {

// Can one statement write both?
bool SameShape(const Row& one, const Row& other) {
  return one.is_delete == other.is_delete &&
         std::equal(one.cells.begin(), one.cells.end(), other.cells.begin(), other.cells.end(), [](const Cell& a, const Cell& b) {
           return (a.state == Cell::State::kKeep) == (b.state == Cell::State::kKeep);
         });
}

}  // namespace

// As MapRows. kRefused: the batch was cut.
Status Worker::MapKeyedRows(const Plan& plan) {
  if (storing_) {  // of the batch as it is
    if (Status status = StoreRefused(); !status.ok()) return status;
  }
  if (Status status = OpenRedis(); !status.ok()) return status;
  if (Status status = strays_.Load(batch_.identity(), &redis_, &context_->definitions); !status.ok()) return status;
  const std::size_t at = TryMapKeyedRows(plan);
  if (at == 0) return Status::Ok();
  CutAt(at);
  return {Code::kRefused, "rows of one shape are written by themselves"};
}

// A change that gives its key another row is two rows: the one that it leaves is deleted in the transaction that
// writes the new one, and if the target refuses either, the change has neither. Not 0: where the batch has to be
// cut. Where texts that differ may be one value, the order of rows counts though no two are equal here, and a
// batch has rows of one shape alone, or one change: sinks sort rows by their shapes.
std::size_t Worker::TryMapKeyedRows(const Plan& plan) {
  arena_.Clear();
  batch_.rows.clear();
  strays_.Begin();
  for (std::uint32_t i = 0; i < batch_.records.size(); ++i) {
    const Record record = strays_.Resolve(*batch_.records[i], &arena_);
    Fate& fate = batch_.fates[i];
    if (fate.state == Fate::State::kSkipped) {
      strays_.Skipped(record);
      continue;
    }
    Row row;
    Row left;
    const bool had_row = MapLeft(plan, record, &left);
    if (fate.state != Fate::State::kPending || !MapOne(plan, record, i, &row)) {
      if (had_row) strays_.Stays(record);
      continue;
    }
    if (row.cells.empty()) {
      fate.state = Fate::State::kDropped;
      SayUnknown(record.key);
      continue;
    }
    const bool moves = had_row && !row.is_delete && !SameKey(plan.table, left, row);
    if (plan.table.keys_fold) {
      if (moves && batch_.records.size() > 1) return std::max<std::size_t>(i, 1);
      if (!batch_.rows.empty() && !SameShape(batch_.rows.front(), row)) return i;
    }
    if (moves) {
      left.record = i;
      left.left = true;
      batch_.rows.push_back(left);
    }
    batch_.rows.push_back(row);
    strays_.Written(record);
  }
  return 0;
}

// The row that its key had before. False: there is none that is known.
bool Worker::MapLeft(const Plan& plan, const Record& record, Row* left) {
  if (record.was.empty()) return false;
  Record before = record;
  before.op = Op::kDelete;
  Refusal unused;
  return MapRecord(*plan.output, plan.table, before, {}, &arena_, left, &unused) && !left->cells.empty();
}

void Worker::SayUnknown(std::string_view key) {
  if (said_unknown_) return;
  said_unknown_ = true;
  Log(LogLevel::kInfo, context_->options.name,
      fmt::format("the delete of key {} has no row to delete: it was deleted before, another key names its row too, or Redis has "
                  "lost what its key columns were; it counts as filtered, and others alike are not told",
                  key));
}

Status Worker::StoreStrays() {
  if (!strays_.IsNoted()) return Status::Ok();
  if (Status status = OpenRedis(); !status.ok()) return status;
  return strays_.Store(&redis_);
}

Status Worker::FinishStrays() {
  if (Status status = OpenRedis(); !status.ok()) return status;
  return strays_.Finish(&redis_);
}

}  // namespace writebehind
