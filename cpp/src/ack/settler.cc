#include "ack/settler.h"

#include <fmt/format.h>

#include <deque>
#include <map>

namespace writebehind {

void Settler::Add(std::unique_ptr<Settlement> settlement) {
  for (const Holding& holding : settlement->holdings) tracker_->Settle(holding);
  waiting_.push_back(std::move(settlement));
}

Status Settler::Send(CommandLine* redis) {
  while (!waiting_.empty()) {
    // Settlements of one stream go in one command, so that nothing is trimmed before it is answered.
    std::size_t count = 1;
    while (count < waiting_.size() && waiting_[count]->identity == waiting_.front()->identity) ++count;
    AppendCommand(std::span(waiting_).first(count), count == waiting_.size(), redis);
    if (Status status = redis->Expect(); !status.ok()) return status;
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
  }
  return Status::Ok();
}

// WB.SETTLE <pipeline> <identity> <minid> <pairs> [<field> <checkpoint>]... [<id> <error>]...
void Settler::AppendCommand(std::span<const std::unique_ptr<Settlement>> settlements, bool is_last, CommandLine* redis) const {
  const std::uint64_t identity = settlements.front()->identity;
  std::map<std::string_view, StreamId> checkpoints;
  std::size_t answers = 0;
  for (const auto& settlement : settlements) {
    checkpoints[settlement->checkpoint_field] = settlement->last;
    answers += settlement->answers.size();
  }
  // The watermark covers all that waits, so only the last command may trim. One of another stream says
  // nothing about this one: 0-0 trims nothing.
  const Watermark trim = tracker_->Passed().value_or(Watermark{});
  std::deque<std::string> texts;  // what the views below point to
  const auto text = [&texts](std::string made) -> std::string_view { return texts.emplace_back(std::move(made)); };
  std::vector<std::string_view> words{"WB.SETTLE", pipeline_, text(fmt::format("{:016x}", identity)),
                                      text((is_last && trim.identity == identity ? trim.id : StreamId{}).ToString()),
                                      text(std::to_string(checkpoints.size()))};
  words.reserve(words.size() + checkpoints.size() * 2 + answers * 2);
  for (const auto& [field, id] : checkpoints) words.insert(words.end(), {field, text(id.ToString())});
  for (const auto& settlement : settlements) {
    for (const Answer& answer : settlement->answers) {
      words.insert(words.end(), {text(answer.id.ToString()), answer.error});
    }
  }
  redis->Append(words);
}

}  // namespace writebehind
