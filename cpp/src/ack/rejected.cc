#include "ack/rejected.h"

#include <fmt/format.h>

#include <chrono>
#include <vector>

namespace writebehind {

std::string Describe(const Refusal& refusal) {
  if (refusal.column.empty()) return refusal.reason;
  return fmt::format("column {} ({}): {}", refusal.column, refusal.type, refusal.reason);
}

void AppendReject(std::string_view pipeline, const Record& record, const Refusal& refusal, CommandLine* redis) {
  const std::string identity = fmt::format("{:016x}", record.identity);
  const std::string id = record.id.ToString();
  const char op = static_cast<char>(record.op);
  const std::string definition = std::to_string(record.definition);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::string at = std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  std::vector<std::string_view> words{
      "WB.REJECT", pipeline,       identity, id,             "id",     id,             "identity",   identity,   "key",   record.key,   "op", {&op, 1},
      "column",    refusal.column, "type",   refusal.type,   "value",  refusal.value,  "reason",     refusal.reason,
      "definition", definition,    "entry",  record.packed,  "at",     at};
  if (!record.uuid.empty()) words.insert(words.end(), {"uuid", record.uuid});
  redis->Append(words);
}

}  // namespace writebehind
