// The ack stage's CommandLine over a Connection of the stream stage.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ack/settler.h"
#include "stream/connection.h"

namespace writebehind {

// What Redis says in a retry loop is never a reason to reopen the target.
inline Status AsTransient(const Status& status) {
  if (status.ok() || status.code() == Code::kStopped) return status;
  return {Code::kTransient, status.message(), status.hint()};
}

// One of a pipeline's own keys (docs/protocol.md).
inline std::string KeyOf(std::string_view pipeline, std::string_view what) {
  return std::string("writebehind:{").append(pipeline).append("}:").append(what);
}

// HSET of a hash of ours, which a server above its maxmemory refuses; but not a script that says it may run.
inline constexpr std::string_view kHsetThoughFull = "#!lua flags=allow-oom\nreturn redis.call('HSET', KEYS[1], unpack(ARGV))";

// The same of XSETID, of a key and an ID.
inline constexpr std::string_view kXsetidThoughFull = "#!lua flags=allow-oom\nreturn redis.call('XSETID', KEYS[1], ARGV[1])";

// The words of a command that Redis carries out only while the lease is the token's.
inline std::vector<std::string_view> Leased(std::string_view token, std::span<const std::string_view> words) {
  std::vector<std::string_view> leased{"WB.LEASED", token};
  leased.insert(leased.end(), words.begin(), words.end());
  return leased;
}

// For commands of the lease's holder. `token` must outlive it.
class RedisLine : public CommandLine {
 public:
  RedisLine(Connection* connection, std::string_view token) : connection_(connection), token_(token) {}

  void Append(std::span<const std::string_view> arguments) override { connection_->Append(Leased(token_, arguments)); }

  Status Expect() override {
    Reply reply;
    if (Status status = connection_->Receive(&reply); !status.ok()) return status;
    if (reply->type == REDIS_REPLY_ERROR) return {Code::kTransient, "Redis: " + std::string(Text(*reply))};
    return Status::Ok();
  }

 private:
  Connection* connection_;
  std::string_view token_;
};

}  // namespace writebehind
