// What a worker must know of the time before: what was committed, what was rejected, and whether Redis is the
// one that it was then.
#include <fmt/format.h>

#include "pipeline/redis_line.h"
#include "pipeline/worker.h"
#include "stream/reader.h"
#include "util/log.h"

namespace writebehind {
namespace {

constexpr char kRestored[] = "Redis came back as it was before the last commits, as from a backup, or from a replica that lacked them: "
                             "what waits is written again, under a new identity of the stream; keys that changed in between may "
                             "differ from the table";

}  // namespace

Status Worker::OpenRedis() { return redis_.open() ? Status::Ok() : AsTransient(redis_.Open(context_->options.redis)); }

Status Worker::CommandRedis(std::span<const std::string_view> words, Reply* reply) {
  if (Status status = OpenRedis(); !status.ok()) return status;
  return AsTransient(redis_.Command(words, reply));
}

// Reading begins anew: Redis may be another one than before. Nothing is under way. A promotion has begun an identity: whether the one before it
// is there to its end is asked too, so back to the newest of which something was committed.
Status Worker::Rejoin() {
  passed_.clear();
  strays_.Reset();
  redis_.Close();
  if (target_.exactly_once()) {
    if (Status status = Connect(); !status.ok()) return status;
  }
  const std::vector<std::uint64_t> identities = context_->definitions.identities();
  const Passed* passed = nullptr;
  for (auto identity = identities.rbegin(); identity != identities.rend() && (passed == nullptr || passed->last() == StreamId{}); ++identity) {
    if (Status status = Locate(*identity, &passed); !status.ok()) return status;
  }
  return Status::Ok();
}

// Last before the commit: what a batch that is given back has stored as rejected is found there by whoever reads it again. A change that has waited
// for those before it asks in any case: another writer may have given them back.
Status Worker::Secure() {
  if (!context_->survival.is_wanted()) return Status::Ok();
  const bool is_secured = secured_.first == batch_.identity() && batch_.last() <= secured_.second;
  if (is_secured && batch_.as != Batch::As::kAlone) return Status::Ok();
  if (Status status = OpenRedis(); !status.ok()) return status;
  Status status = context_->survival.Await(&redis_, batch_.last(), &is_gone_);
  if (status.ok() && !is_gone_) secured_ = {batch_.identity(), batch_.last()};
  return status;
}

// The master that the batch was read from is gone, and nobody can say whether the one that followed it has the batch; or
// the reader begins anew. What came behind it is given back too: committed, it would be passed.
bool Worker::GiveBack() {
  redis_.Close();
  strays_.Reset();
  Decided();  // what waits for it is given back too
  auto settlement = std::make_unique<Settlement>();
  settlement->reading = batch_.holdings.front().parcel->reading;
  settlement->is_given_back = true;
  settlement->holdings = batch_.holdings;
  return lane_->settlements.Push(std::move(settlement));
}

Status Worker::SkipCommitted() {
  const Passed* passed = nullptr;
  if (Status status = Locate(batch_.identity(), &passed); !status.ok()) return status;
  std::vector<std::uint32_t> ask;
  for (std::uint32_t i = 0; i < batch_.records.size() && !recalled_; ++i) {
    const bool is_passed = passed->Covers(*batch_.records[i]);
    if (batch_.fates[i].state == Fate::State::kPending && (is_passed ? !batch_.records[i]->uuid.empty() : batch_.again)) ask.push_back(i);
  }
  if (Status status = RecallRejections(ask); !status.ok()) return status;
  recalled_ = true;
  for (std::size_t i = 0; i < batch_.records.size() && batch_.records[i]->id <= passed->last(); ++i) {
    Fate& fate = batch_.fates[i];
    if (fate.state == Fate::State::kPending && passed->Covers(*batch_.records[i])) fate.state = Fate::State::kSkipped;
  }
  return Status::Ok();
}

// What is committed of `identity`. *passed stays valid until the next Rejoin, or a write that is fenced.
Status Worker::Locate(std::uint64_t identity, const Passed** passed) {
  if (const auto known = passed_.find(identity); known != passed_.end()) {
    *passed = &known->second;
    return Status::Ok();
  }
  StreamId at;
  if (Status status = Asking(lane_).For([&] { return target_.Position(identity, &at); }); !status.ok()) return status;
  bool is_there = true;
  std::map<std::string, StreamId> checkpoints;
  if (Status status = AskRedis(at, &is_there, &checkpoints); !status.ok()) return status;
  const std::string field = target_.CheckpointField(identity);
  const bool is_entered = checkpoints.contains(field);
  const StreamId checkpoint = checkpoints[field];
  // Where the target keeps no checkpoint, the one in Redis says what was committed before a restart.
  if (!target_.exactly_once()) at = std::max(at, checkpoint);
  bool is_restored = false;
  if (!is_there && checkpoint < at) {
    if (Status status = Restored(identity, at, &is_restored); !status.ok()) return status;
  }
  Passed found{at, {}};
  if (!is_restored) {
    if (Status status = FindFormer(identity, checkpoints, &found, &is_restored); !status.ok()) return status;
  }
  if (!is_entered && target_.exactly_once()) {
    if (Status status = EnterCheckpoint(identity, field, {}); !status.ok()) return status;
  }
  if (is_restored) found = {};
  *passed = &(passed_[identity] = std::move(found));
  return Status::Ok();
}

// The last entry committed leaves the stream with the command that moves Redis's own checkpoint to it, so one
// of the two must be there. The entry is asked for first: that command may come in between.
Status Worker::AskRedis(StreamId at, bool* is_there, std::map<std::string, StreamId>* checkpoints) {
  if (at > StreamId{}) {
    if (Status status = IsInStream(at, is_there); !status.ok()) return status;
  }
  Reply reply;
  if (Status status = CommandRedis({"HGETALL", KeyOf(context_->options.name, "checkpoint")}, &reply); !status.ok()) return status;
  for (std::size_t i = 0; i + 1 < reply->elements; i += 2) {
    (*checkpoints)[std::string(Text(*reply->element[i]))] = StreamId::Parse(Text(*reply->element[i + 1])).value_or(StreamId{});
  }
  return Status::Ok();
}

Status Worker::IsInStream(StreamId id, bool* is_there) {
  Reply reply;
  const std::string text = id.ToString();
  if (Status status = CommandRedis({"XRANGE", KeyOf(context_->options.name, "stream"), text, text}, &reply); !status.ok()) return status;
  *is_there = reply->elements > 0;
  return Status::Ok();
}

// Neither is there: an earlier Redis, unless the stream itself is gone (a flush, say).
Status Worker::Restored(std::uint64_t identity, StreamId at, bool* is_restored) {
  const std::lock_guard lock(context_->restoring);
  if (Status status = OpenRedis(); !status.ok()) return status;
  Status status = context_->definitions.Load(&redis_);
  if (!status.ok() && status.code() != Code::kRefused) return AsTransient(status);
  *is_restored = status.ok() && context_->definitions.HasIdentity(identity);
  if (!*is_restored) return Status::Ok();
  // After a promotion, or where another writer was first, there is a new identity already.
  const bool has_successor = identity != context_->definitions.identity();
  if (!context_->restored.insert(identity).second && has_successor) return Status::Ok();
  context_->board.SetRestored(kRestored);
  Log(LogLevel::kWarning, context_->options.name,
      fmt::format("{} (entry {} was committed, and is neither in the stream nor passed by the checkpoint in Redis)", kRestored, at.ToString()));
  return has_successor ? Status::Ok() : StartIdentity(at);
}

// What is captured from now on has IDs behind `behind`, and an identity whose checkpoint begins anew: it is
// written exactly once again.
Status Worker::StartIdentity(StreamId behind) {
  const std::string stream = KeyOf(context_->options.name, "stream");
  Reply reply;
  if (Status status = CommandRedis({"XINFO", "STREAM", stream}, &reply); !status.ok()) return status;
  for (std::size_t i = 0; i + 1 < reply->elements; i += 2) {
    if (Text(*reply->element[i]) == "last-generated-id") behind = std::max(behind, StreamId::Parse(Text(*reply->element[i + 1])).value_or(behind));
  }
  const std::string id = behind.ToString();
  Status status = CommandRedis({"XSETID", stream, id}, &reply);
  if (status.message().find("OOM") != std::string::npos) status = CommandRedis({"EVAL", kXsetidThoughFull, "1", stream, id}, &reply);
  if (!status.ok()) return status;
  return AsTransient(context_->definitions.Load(&redis_));
}

// An entry that is delivered again may have been rejected before the engine ended, and is listed so: it stays
// rejected, whatever would become of it now, and its writer is told.
Status Worker::RecallRejections(const std::vector<std::uint32_t>& records) {
  if (records.empty()) return Status::Ok();
  const std::uint64_t reading = batch_.holdings.front().parcel->reading;
  if (none_rejected_ == reading) return Status::Ok();
  const std::string key = KeyOf(context_->options.name, "rejected-ids");
  Reply reply;
  if (Status status = CommandRedis({"EXISTS", key}, &reply); !status.ok()) return status;
  if (reply->integer == 0) {
    none_rejected_ = reading;  // what is rejected from now on was not read before
    return Status::Ok();
  }
  std::vector<std::string> ids;
  for (const std::uint32_t i : records) {
    ids.push_back(IdentityText(batch_.records[i]->identity) + '/' + batch_.records[i]->id.ToString());
  }
  std::vector<std::string_view> words{"HMGET", key};
  words.insert(words.end(), ids.begin(), ids.end());
  if (Status status = CommandRedis(words, &reply); !status.ok()) return status;
  for (std::size_t i = 0; i < records.size() && i < reply->elements; ++i) {
    if (reply->element[i]->type != REDIS_REPLY_STRING) continue;
    std::string reason;
    if (Status status = RejectionReason(Text(*reply->element[i]), &reason); !status.ok()) return status;
    batch_.fates[records[i]] = {Fate::State::kFailed, true, false, std::move(reason)};
  }
  return Status::Ok();
}

Status Worker::RejectionReason(std::string_view id, std::string* reason) {
  *reason = "rejected";
  Reply entries;
  if (Status status = CommandRedis({"XRANGE", KeyOf(context_->options.name, "rejected"), id, id}, &entries); !status.ok()) return status;
  if (entries->elements != 1 || entries->element[0]->elements != 2) return Status::Ok();
  const redisReply& fields = *entries->element[0]->element[1];
  for (std::size_t i = 0; i + 1 < fields.elements; i += 2) {
    if (Text(*fields.element[i]) == "reason") *reason = Text(*fields.element[i + 1]);
  }
  return Status::Ok();
}

}  // namespace writebehind
