#include "sink/checkpoint.h"

namespace writebehind {

TableName ParseTableName(const std::string& text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string::npos) return {"", text};
  return {text.substr(0, dot), text.substr(dot + 1)};
}

Status ExactlyOnce::Explain(const DriverFailure& failure) const {
  const Status status = failure.ToStatus();
  if (!sql_ || !failure.is_schema || failure.message.find(table_.table) == std::string::npos) return status;
  return {status.code(), status.message(),
          "the exactly-once table must be there, and its user be granted to write it: " + sql_->create_table};
}

Status JudgeCheckpoint(const CheckpointMove& move, const std::optional<std::string>& stored) {
  if (!stored) return {Code::kFenced, "checkpoint '" + move.id + "' is gone from the exactly-once table"};
  if (*stored == move.to.ToString()) return Status::Ok();
  return {Code::kFenced, "checkpoint '" + move.id + "' holds " + *stored + ", not " + move.from.ToString() +
                             ": another engine moved it"};
}

Status ReadCheckpoint(const std::string& id, const std::string& stored, StreamId* position) {
  const std::optional<StreamId> parsed = StreamId::Parse(stored);
  if (!parsed)
    return {Code::kConfig, "checkpoint '" + id + "' holds '" + stored + "', which is no stream ID"};
  *position = *parsed;
  return Status::Ok();
}

Status MissingCheckpointTable(const std::string& table, const std::string& create) {
  return {Code::kConfig,
          "the exactly-once table '" + table + "' is not there, or lacks the columns id and val", create};
}

}  // namespace writebehind
