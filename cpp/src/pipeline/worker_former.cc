// The positions of writers of an engine that had another number of them. They are found by their fields in Redis's
// hash of checkpoints, where each writer is entered before its first write; with exactly once the target has the
// positions themselves.
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <set>

#include "pipeline/redis_line.h"
#include "pipeline/worker.h"

namespace writebehind {
namespace {

// The numbers of writers, but for `own`, that have fields `<prefix><writer>of<writers>`.
std::set<std::size_t> OtherNumbers(const std::map<std::string, StreamId>& checkpoints, const std::string& prefix, std::size_t own) {
  std::set<std::size_t> numbers;
  for (const auto& [field, position] : checkpoints) {
    const std::size_t of = field.rfind("of");
    if (!field.starts_with(prefix) || of == std::string::npos) continue;
    std::size_t number = 0;
    std::from_chars(field.data() + of + 2, field.data() + field.size(), number);
    if (number > 0 && number != own) numbers.insert(number);
  }
  return numbers;
}

}  // namespace

// Of writers that another engine had. *is_restored: Redis came back as it was before one of them committed.
Status Worker::FindFormer(std::uint64_t identity, const std::map<std::string, StreamId>& checkpoints, Passed* passed, bool* is_restored) {
  const std::string prefix = target_.CheckpointPrefix(identity);
  for (const std::size_t number : OtherNumbers(checkpoints, prefix, context_->writers)) {
    std::vector<StreamId> positions(number);
    for (std::size_t writer = 1; writer <= number; ++writer) {
      const std::string field = fmt::format("{}{}of{}", prefix, writer, number);
      const auto known = checkpoints.find(field);
      StreamId& position = positions[writer - 1];
      if (known != checkpoints.end()) position = known->second;
      if (!target_.exactly_once()) continue;
      const StreamId told = position;
      if (Status status = target_.PositionOf(field, &position); !status.ok()) return status;
      if (position <= told) continue;
      bool is_there = false;
      if (Status status = IsInStream(position, &is_there); !status.ok()) return status;
      if (!is_there) {
        if (Status status = Restored(identity, position, is_restored); !status.ok() || *is_restored) return status;
      }
      // It may be the last sign of a commit that Redis was not told of: the entry goes before this writer's field would move.
      if (Status status = EnterCheckpoint(identity, field, position); !status.ok()) return status;
    }
    passed->former.push_back(std::move(positions));
  }
  return Status::Ok();
}

Status Worker::EnterCheckpoint(std::uint64_t identity, const std::string& field, StreamId position) {
  const std::string of = fmt::format("{:016x}", identity);
  const std::string at = position.ToString();
  const std::array<std::string_view, 7> words{"WB.SETTLE", context_->options.name, of, "0-0", "1", field, at};
  Reply reply;
  return CommandRedis(Leased(context_->token, words), &reply);
}

// All that they passed is settled: nothing needs them any more, since this engine's writers have passed it too.
void Worker::LeaveFormer(std::uint64_t identity) {
  Passed& passed = passed_[identity];
  if (passed.former.empty()) return;
  const auto settled = context_->tracker.Passed();
  if (!settled || settled->identity != identity || settled->id <= passed.last_former()) return;
  if (target_.exactly_once() && writer_ == 1) {
    for (const auto& positions : passed.former) target_.ForgetPositionsOf(identity, positions.size());
  }
  passed.former.clear();
}

}  // namespace writebehind
