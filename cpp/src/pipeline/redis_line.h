// The ack stage's CommandLine over a Connection of the stream stage.
#pragma once

#include "ack/settler.h"
#include "stream/connection.h"

namespace writebehind {

// What Redis says in a retry loop is never a reason to reopen the target.
inline Status AsTransient(const Status& status) {
  if (status.ok() || status.code() == Code::kStopped) return status;
  return {Code::kTransient, status.message(), status.hint()};
}

class RedisLine : public CommandLine {
 public:
  explicit RedisLine(Connection* connection) : connection_(connection) {}

  void Append(std::span<const std::string_view> arguments) override { connection_->Append(arguments); }

  Status Expect() override {
    Reply reply;
    if (Status status = connection_->Receive(&reply); !status.ok()) return status;
    if (reply->type == REDIS_REPLY_ERROR) return {Code::kTransient, "Redis: " + std::string(Text(*reply))};
    return Status::Ok();
  }

 private:
  Connection* connection_;
};

}  // namespace writebehind
