#include "sink/checkpoint.h"

#include <algorithm>
#include <utility>

namespace writebehind {
namespace {

// Takes the next part off `rest`, with the dot behind it: a part between quotes may hold dots, and the other quote.
std::string TakePart(std::string_view* rest) {
  const bool is_quoted = rest->starts_with('"') || rest->starts_with('`');
  const std::size_t begin = is_quoted ? 1 : 0;
  const std::size_t end = std::min(rest->find(is_quoted ? rest->front() : '.', begin), rest->size());
  std::string part(rest->substr(begin, end - begin));
  rest->remove_prefix(std::min(rest->size(), end + begin + 1));
  return part;
}

}  // namespace

TableName ParseTableName(const std::string& text) {
  std::string_view rest = text;
  std::string first = TakePart(&rest);
  if (rest.empty()) return {"", std::move(first)};
  return {std::move(first), TakePart(&rest)};
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
