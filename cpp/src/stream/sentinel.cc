// How a Connection finds the master of a service that Sentinel watches: it asks one Sentinel after the other, and
// believes none before the server itself says that it is the master.
// Source: https://redis.io/docs/latest/develop/reference/sentinel-clients/
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <tuple>

#include "stream/connection.h"
#include "stream/info_reply.h"

namespace writebehind {
namespace {

// For the connect and for the answer: one that is away must not keep us from asking the next.
constexpr std::chrono::milliseconds kPatience{1000};

}  // namespace

Status Connection::OpenMaster(const RedisOptions& options) {
  const std::size_t count = options.sentinels.addresses.size();
  std::vector<std::string> tried;
  Code code = Code::kNotConnected;
  std::string hint;
  std::string failures;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t which = (sentinel_ + i) % count;
    RedisOptions master = options;
    Status status = AskSentinel(options, which, &master);
    server_ = "Redis";
    if (status.ok()) {
      const std::string address = fmt::format("{}:{}", master.host, master.port);
      if (std::find(tried.begin(), tried.end(), address) != tried.end()) continue;
      tried.push_back(address);
      status = OpenServer(master);
      if (status.ok()) status = RequireMaster();
    }
    if (status.ok()) sentinel_ = which;
    if (status.ok() || status.code() == Code::kStopped) return status;
    if (status.code() == Code::kConfig) code = Code::kConfig;
    if (hint.empty()) hint = status.hint();
    failures += (failures.empty() ? "" : "; ") + status.message();
  }
  return {code, fmt::format("the master of '{}' can't be reached: {}", options.sentinels.service, failures), hint};
}

// *master becomes options that lead to the master.
Status Connection::AskSentinel(const RedisOptions& options, std::size_t which, RedisOptions* master) {
  const SentinelOptions& sentinels = options.sentinels;
  RedisOptions own = options;
  std::tie(own.host, own.port) = sentinels.addresses[which];
  own.user = sentinels.user;
  own.password = sentinels.password;
  own.connect_timeout = std::min(options.connect_timeout, kPatience);
  own.reply_timeout = std::min(options.reply_timeout, kPatience);
  server_ = "Sentinel";
  Reply reply;
  Status status = Link(own);
  if (status.ok()) {
    Append({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", sentinels.service});
    status = Receive(&reply);
  }
  Close();
  if (!status.ok()) return status;
  const bool is_address = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2;
  if (!is_address) {
    const std::string text = reply->type == REDIS_REPLY_ERROR ? std::string(Text(*reply)) : fmt::format("it knows no service '{}'", sentinels.service);
    const char* hint = text.starts_with("NOAUTH") ? kSentinelLogin : "the Redis URL is redis+sentinel://host:port/service/db";
    return {Code::kConfig, fmt::format("{}: {}", Where(), text), hint};
  }
  const std::string_view port = Text(*reply->element[1]);
  master->host = Text(*reply->element[0]);
  std::from_chars(port.data(), port.data() + port.size(), master->port);
  return Status::Ok();
}

// A Sentinel may not have heard of a failover yet. Not by ROLE, which a user needs a right of its own for.
Status Connection::RequireMaster() {
  Append({"INFO", "replication"});
  Reply reply;
  if (Status status = Receive(&reply); !status.ok()) return status;
  const bool is_error = reply->type == REDIS_REPLY_ERROR;
  if (!is_error && InfoField(Text(*reply), "role") == "master") return Status::Ok();
  Close();
  if (is_error) return {Code::kConfig, fmt::format("{}: INFO: {}", Where(), Text(*reply))};
  return {Code::kNotConnected, fmt::format("{} is a replica, though Sentinel calls it the master: a failover is under way", Where())};
}

}  // namespace writebehind
