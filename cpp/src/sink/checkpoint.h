// The compare-and-set of exactly once, the same for every database.
//
// The row moves from `from` to `to` by the first statement of the rows' own transaction: two engines that
// write the same entries meet there, and one of them finds no row to change.
#pragma once

#include <optional>
#include <string>

#include "sink/dialect.h"
#include "sink/driver_failure.h"
#include "writebehind/definition.h"
#include "writebehind/sink.h"
#include "writebehind/status.h"

namespace writebehind {

// "schema.table" or "table"; a part in double quotes or backticks may hold a dot.
TableName ParseTableName(const std::string& text);

// The exactly-once table of a sink, and the statements on it; false: the sink has none.
class ExactlyOnce {
 public:
  ExactlyOnce(const SinkOptions& options, CheckpointSql (*sql)(const TableName&)) {
    if (options.exactly_once_table.empty()) return;
    table_ = ParseTableName(options.exactly_once_table);
    sql_.emplace(sql(table_));
  }

  explicit operator bool() const { return sql_.has_value(); }
  [[nodiscard]] const TableName& table() const { return table_; }
  const CheckpointSql* operator->() const { return &*sql_; }

  // The status of a write that failed; says so where it is this table that is missing, or a right on it.
  [[nodiscard]] Status Explain(const DriverFailure& failure) const;

  // What this write has to move; null: nothing.
  [[nodiscard]] const CheckpointMove* Move(const WriteRequest& request) const {
    return sql_ ? request.checkpoint : nullptr;
  }

 private:
  TableName table_;
  std::optional<CheckpointSql> sql_;
};

// What a compare-and-set that changed no row means; `stored` is the row's value now, nothing where there is
// no row. kOk: it holds `to`, so this batch was committed earlier. kFenced otherwise.
Status JudgeCheckpoint(const CheckpointMove& move, const std::optional<std::string>& stored);

// The stored text as an ID; kConfig where it is none.
Status ReadCheckpoint(const std::string& id, const std::string& stored, StreamId* position);

// The answer of a sink that finds no exactly-once table; `create` is the statement that makes it.
Status MissingCheckpointTable(const std::string& table, const std::string& create);

}  // namespace writebehind
