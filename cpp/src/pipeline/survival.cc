#include "pipeline/survival.h"

#include <fmt/format.h>

#include <map>

#include "pipeline/redis_line.h"
#include "stream/info_reply.h"

namespace writebehind {
namespace {

constexpr std::chrono::milliseconds kLongest{1000};

Status Refused(std::string_view command, const redisReply& reply) {
  return {Code::kTransient, fmt::format("nothing is committed while it may be lost: {}: {}", command, Text(reply))};
}

}  // namespace

Survival::Survival(const PipelineOptions& options)
    : replicas_(options.wait_replicas), aof_(options.wait_aof), key_(KeyOf(options.name, "engine")) {}

Status Survival::Begin(Connection* reader) {
  Reply reply;
  if (Status status = reader->Command({"INFO", "replication"}, &reply); !status.ok()) return status;
  const std::string_view history = InfoField(Text(*reply), "master_replid");
  if (history.empty()) return {Code::kTransient, "wait_replicas and wait_aof need INFO replication to name the master_replid"};
  const std::lock_guard lock(mutex_);
  history_ = history;
  knows_waitaof_ = true;
  return Status::Ok();
}

bool Survival::HasEnded() {
  const std::lock_guard lock(mutex_);
  return history_.empty();
}

// True: the server that it is asked of has another one.
bool Survival::EndsAt(std::string_view history) {
  const std::lock_guard lock(mutex_);
  if (history_ != history) history_.clear();
  return history_.empty();
}

// The write must come first: WAIT waits for the last one of its connection.
void Survival::AppendQuestions(Connection* redis, std::string_view last, bool is_full) {
  if (is_full) {
    redis->Append({"EVAL", kHsetThoughFull, "1", key_, "waiting_id", last});
  } else {
    redis->Append({"HSET", key_, "waiting_id", last});
  }
  redis->Append({"INFO", "replication"});
  const std::string replicas = std::to_string(replicas_);
  const std::string longest = std::to_string(kLongest.count());
  if (aof_ && knows_waitaof_) {
    redis->Append({"WAITAOF", "1", replicas, longest});
    return;
  }
  redis->Append({"WAIT", replicas, longest});
  if (aof_) redis->Append({"CONFIG", "GET", "append*"});
}

Status Survival::Await(Connection* redis, StreamId last, bool* is_gone) {
  if (*is_gone = HasEnded(); *is_gone) return Status::Ok();
  const std::string id = last.ToString();
  for (bool is_full = false;;) {
    const bool by_aof = aof_ && knows_waitaof_;
    AppendQuestions(redis, id, is_full);
    Reply written;
    if (Status status = redis->Receive(&written); !status.ok()) return AsTransient(status);
    Reply info;
    if (Status status = redis->Receive(&info); !status.ok()) return AsTransient(status);
    Status status = AwaitReplicas(redis, by_aof, InfoField(Text(*info), "connected_slaves"));
    if (status.ok() && aof_ && !by_aof) status = RequireAlways(redis);
    if (!redis->open()) return AsTransient(status);
    if (!is_full && written->type == REDIS_REPLY_ERROR && Text(*written).starts_with("OOM")) {
      is_full = true;
      continue;
    }
    if (written->type == REDIS_REPLY_ERROR) return Refused("HSET", *written);
    if (info->type == REDIS_REPLY_ERROR) return Refused("INFO", *info);
    *is_gone = EndsAt(InfoField(Text(*info), "master_replid"));
    return *is_gone ? Status::Ok() : status;
  }
}

Status Survival::AwaitReplicas(Connection* redis, bool by_aof, std::string_view connected) {
  Reply reply;
  if (Status status = redis->Receive(&reply, kLongest); !status.ok()) return status;
  if (reply->type == REDIS_REPLY_ERROR) {
    if (by_aof && Text(*reply).starts_with("ERR unknown command")) knows_waitaof_ = false;  // the next attempt goes without
    return Refused(by_aof ? "WAITAOF" : "WAIT", *reply);
  }
  const bool is_pair = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2;
  const long long local = is_pair ? reply->element[0]->integer : 1;
  const long long replicas = is_pair ? reply->element[1]->integer : reply->integer;
  if (local >= 1 && replicas >= static_cast<long long>(replicas_)) return Status::Ok();
  if (local < 1) return {Code::kTransient, "nothing is committed before it is in the AOF, and within 1 s it was not (wait_aof)"};
  return {Code::kTransient,
          fmt::format("nothing is committed before {} replicas have it{}, and within 1 s {} had (wait_replicas; {} connected)", replicas_,
                      by_aof ? " in their AOF" : "", replicas, connected)};
}

// Where Redis can't be asked to wait for its AOF, no answer comes before that only with appendfsync always.
Status Survival::RequireAlways(Connection* redis) {
  Reply reply;
  if (Status status = redis->Receive(&reply); !status.ok()) return status;
  if (reply->type == REDIS_REPLY_ERROR) return Refused("CONFIG GET", *reply);
  std::map<std::string_view, std::string_view> found;
  for (std::size_t i = 0; i + 1 < reply->elements; i += 2) found[Text(*reply->element[i])] = Text(*reply->element[i + 1]);
  if (found["appendonly"] == "yes" && found["appendfsync"] == "always") return Status::Ok();
  return {Code::kTransient, "nothing is committed: wait_aof on this version of Redis needs appendonly yes and appendfsync always"};
}

}  // namespace writebehind
