// What a worker does where key columns are fields of the hash: a Redis key's row can change, and several keys
// may name one row.
#include <fmt/format.h>

#include <algorithm>

#include "codec/decoder.h"
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

StreamId Before(StreamId id) { return id.seq > 0 ? StreamId{id.ms, id.seq - 1} : StreamId{id.ms - 1, UINT64_MAX}; }

}  // namespace

// As MapRows. kRefused: the batch was cut.
Status Worker::MapKeyedRows(const Plan& plan) {
  if (storing_) {  // of the batch as it is
    if (Status status = StoreRefused(); !status.ok()) return status;
  }
  if (Status status = OpenRedis(); !status.ok()) return status;
  const StreamId passed = passed_[batch_.identity()].own;
  // Where nothing is known to be passed (Redis came back as it was earlier), all is that was before what waits.
  const StreamId behind = passed == StreamId{} ? Before(batch_.records.front()->id) : passed;
  if (Status status = strays_.Load(batch_.identity(), behind, &redis_, &context_->definitions); !status.ok()) return status;
  const std::size_t at = TryMapKeyedRows(plan, passed);
  if (at == 0) return Status::Ok();
  CutAt(at);
  return {Code::kRefused, "rows that have to do with each other are written one after the other"};
}

// A change that gives its key another row moves that: in the transaction that writes what else it changed, and if the
// target refuses either, the change has neither. Not 0: where the batch has to be cut. Where texts that differ may be
// one value, the order of rows counts though no two are equal here, and a batch has rows of one shape alone, or one
// change: sinks sort rows by their shapes.
std::size_t Worker::TryMapKeyedRows(const Plan& plan, StreamId passed) {
  arena_.Clear();
  batch_.rows.clear();
  strays_.Begin(plan.table.id, [&](std::string_view values) { return RowOf(plan, values); });
  moves_.Begin(plan.table.keys.size());
  for (std::uint32_t i = 0; i < batch_.records.size(); ++i) {
    if (batch_.records[i]->id <= passed) continue;  // what it left was stored before it was committed
    const Record record = strays_.Resolve(*batch_.records[i], &arena_);
    Fate& fate = batch_.fates[i];
    if (fate.has_no_row) fate = {};
    Row row;
    Row left;
    const bool had_row = MapLeft(plan, record, &left);
    if (fate.state != Fate::State::kPending || !MapOne(plan, record, i, &row)) {
      Stays(plan, record, had_row ? &left : nullptr);
      continue;
    }
    if (row.cells.empty()) {
      if (moves_.IsRobbed(record.key)) return i;
      fate.state = Fate::State::kDropped;
      fate.has_no_row = true;
      SayUnknown(record.key);
      strays_.Written(record, {});
      continue;
    }
    if (had_row && !row.is_delete && !SameKey(plan.table, left, row)) MoveFrom(plan, left, &row);
    if (plan.table.keys_fold) {
      if (row.moves && batch_.records.size() > 1) return std::max<std::size_t>(i, 1);
      if (!batch_.rows.empty() && !SameShape(batch_.rows.front(), row)) return i;
    }
    const std::string name = strays_.empty() || row.is_delete ? std::string() : NameOf(plan, row);
    std::vector<std::string> from;
    if (!name.empty()) from = strays_.OthersOf(record.key, name);
    if (!record.from.empty()) from.emplace_back(record.from);
    if (!moves_.Fit(batch_, row, from)) return i;
    batch_.rows.push_back(row);
    strays_.Written(record, name);
  }
  return 0;
}

std::string Worker::NameOf(const Plan& plan, const Row& row) {
  return RowName(row.cells.first(plan.table.keys.size()), plan.table.keys_fold);
}

// The name of the row that these key fields name; empty: of none.
std::string Worker::RowOf(const Plan& plan, std::string_view values) {
  std::vector<Field> fields;
  DecodeValues(values, &fields);
  Record record;
  record.was = fields;
  Row row;
  return MapLeft(plan, record, &row) ? NameOf(plan, row) : std::string();
}

// The record is not written: where are the row that its key had, and the one that it names?
void Worker::Stays(const Plan& plan, const Record& record, const Row* left) {
  if (record.op == Op::kDelete && left == nullptr) return strays_.Written(record, {});
  const std::string values = record.from.empty() ? std::string() : EncodeValues(KeyFields(*plan.output, record));
  strays_.Stays(record, left != nullptr ? NameOf(plan, *left) : std::string(), values, RowOf(plan, values));
}

void Worker::MoveFrom(const Plan& plan, const Row& left, Row* row) {
  const std::size_t keys = plan.table.keys.size();
  const std::span<Cell> cells = arena_.NewCells(plan.table.width() + keys);
  std::copy(row->cells.begin(), row->cells.end(), cells.begin());
  std::copy_n(left.cells.begin(), keys, cells.end() - static_cast<std::ptrdiff_t>(keys));
  row->cells = cells;
  row->moves = true;
}

// For a target that can't move rows: what moves is deleted, and written anew.
void Worker::SplitMoves(const TablePlan& plan) {
  std::vector<Row> heads;
  for (Row head : batch_.heads) {
    if (head.moves) {
      heads.push_back({.is_delete = true, .left = true, .record = head.record, .cells = head.cells.last(plan.keys.size())});
      head.moves = false;
      head.cells = head.cells.first(plan.width());
    }
    heads.push_back(head);
  }
  batch_.heads = std::move(heads);
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
  return strays_.Store(batch_.last(), &redis_);
}

}  // namespace writebehind
