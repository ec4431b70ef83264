#include "ack/settler.h"

#include <fmt/format.h>

#include <deque>
#include <map>

namespace writebehind {

void Settler::Add(std::unique_ptr<Settlement> settlement) {
  for (const Holding& holding : settlement->holdings) tracker_->Settle(holding, settlement->is_given_back);
  if (settlement->is_given_back) return ForgetReading(settlement->reading);
  if (forgotten_ && settlement->reading <= *forgotten_) return;
  waiting_.push_back(std::move(settlement));
}

void Settler::ForgetReading(std::uint64_t reading) {
  forgotten_ = reading;
  std::erase_if(waiting_, [reading](const auto& settlement) { return settlement->reading <= reading; });
  taken_.clear();
}

Status Settler::Send(CommandLine* redis) {
  while (!waiting_.empty()) {
    // Settlements of one stream go in one command, so that nothing is trimmed before it is answered.
    std::size_t count = 1;
    while (count < waiting_.size() && waiting_[count]->identity == waiting_.front()->identity) ++count;
    AppendCommand(std::span(waiting_).first(count), count == waiting_.size(), redis);
    if (Status status = redis->Expect(); !status.ok()) return status;
    // Not before: what is read again until then needs them.
    if (Status status = RemoveStrays(std::span(waiting_).first(count), redis); !status.ok()) return status;
    Taken(std::span(waiting_).first(count));
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
  }
  return Status::Ok();
}

// Only of the stream that is there: a flush takes the checkpoints of the one before with it.
void Settler::Taken(std::span<const std::unique_ptr<Settlement>> settlements) {
  if (settlements.front()->identity != taken_of_) taken_.clear();
  taken_of_ = settlements.front()->identity;
  for (const auto& settlement : settlements) taken_[settlement->checkpoint_field] = settlement->last;
}

// WB.STRAYS <pipeline> <removed> [<field>]...
Status Settler::RemoveStrays(std::span<const std::unique_ptr<Settlement>> settlements, CommandLine* redis) const {
  std::vector<std::string_view> words{"WB.STRAYS", pipeline_, {}};
  for (const auto& settlement : settlements) {
    words.insert(words.end(), settlement->passed_strays.begin(), settlement->passed_strays.end());
  }
  if (words.size() == 3) return Status::Ok();
  const std::string count = std::to_string(words.size() - 3);
  words[2] = count;
  redis->Append(words);
  return redis->Expect();
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
