#include "pipeline/lease.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <random>

#include "pipeline/redis_line.h"
#include "util/host_name.h"

namespace writebehind {
namespace {

std::int64_t ClockMs() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

std::string EngineName() { return fmt::format("{}:{}", HostName(), getpid()); }

RedisOptions Bounded(RedisOptions options, std::chrono::milliseconds limit) {
  options.connect_timeout = std::min(options.connect_timeout, limit);
  options.reply_timeout = std::min(options.reply_timeout, limit);
  return options;
}

}  // namespace

Lease::Lease(const PipelineOptions& options)
    : pipeline_(options.name),
      limit_(options.lease),
      redis_options_(Bounded(options.redis, options.lease)),
      engine_(EngineName()),
      wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

Lease::~Lease() {
  if (wake_ >= 0) close(wake_);
}

void Lease::MakeToken() {
  std::random_device random;
  token_ = fmt::format("{:08x}{:08x}", random(), random());
  until_ms_ = 0;
}

// A connection that was lost while nothing was asked is made anew at once: Redis takes its end for ours.
Status Lease::Send(Reply* reply, std::int64_t* sent_ms) {
  const std::string limit = std::to_string(limit_.count());
  for (;;) {
    const bool is_new = !redis_.open();
    if (is_new) {
      was_registered_ = false;
      if (Status status = redis_.Open(redis_options_); !status.ok()) return status;
    }
    *sent_ms = ClockMs();
    Status status = redis_.Command({"WB.LEASE", pipeline_, token_, limit, engine_}, reply);
    if (status.ok()) return status;
    const bool is_lost = !redis_.open();
    redis_.Close();
    if (is_lost && !is_new && status.code() == Code::kNotConnected) continue;
    if (status.message().find("unknown command") == std::string::npos) return status;
    return {status.code(), status.message(), "the module in Redis is older than this engine: load this version's"};
  }
}

Status Lease::Ask(Turn* turn) {
  Reply reply;
  std::int64_t sent_ms = 0;
  if (Status status = Send(&reply, &sent_ms); !status.ok()) return status;
  if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3) return {Code::kTransient, "Redis answers something else than expected to WB.LEASE"};
  const std::string_view origin = Text(*reply->element[1]);
  is_registered_ = !origin.empty();
  was_registered_ = was_registered_ || is_registered_;
  std::uint64_t number = 0;
  std::from_chars(origin.data(), origin.data() + origin.size(), number, 16);
  if (number != 0) origin_ = number;
  holder_ = Text(*reply->element[2]);
  const long long state = reply->element[0]->integer;
  *turn = state == 2 ? Turn::kKept : state == 1 ? Turn::kTaken : Turn::kAnothers;
  if (*turn == Turn::kAnothers) {
    until_ms_ = 0;
  } else {
    until_ms_ = sent_ms + (limit_ - limit_ / 8).count();  // Redis counts from later on; clocks may differ a little
  }
  return Status::Ok();
}

void Lease::GiveUp() {
  until_ms_ = 0;
  Reply reply;
  if (redis_.open()) static_cast<void>(redis_.Command({"WB.LEASE", pipeline_, token_, "0", engine_}, &reply));
}

Status Lease::LastEntry(std::optional<StreamId>* last) {
  Reply reply;
  if (Status status = redis_.Command({"XREVRANGE", KeyOf(pipeline_, "stream"), "+", "-", "COUNT", "1"}, &reply); !status.ok()) {
    return status;
  }
  if (reply->elements > 0) *last = StreamId::Parse(Text(*reply->element[0]->element[0]));
  return Status::Ok();
}

Status Lease::IsPassed(StreamId end, bool* is_passed) {
  Reply reply;
  const std::string last = end.ToString();
  if (Status status = redis_.Command({"XRANGE", KeyOf(pipeline_, "stream"), "-", last, "COUNT", "1"}, &reply); !status.ok()) {
    return status;
  }
  *is_passed = reply->elements == 0;
  return Status::Ok();
}

void Lease::Await(std::chrono::milliseconds limit) {
  pollfd ready[2] = {{redis_.fd(), POLLIN, 0}, {wake_, POLLIN, 0}};
  poll(ready, 2, static_cast<int>(limit.count()));
  std::uint64_t drained = 0;
  [[maybe_unused]] const auto got = read(wake_, &drained, sizeof drained);
}

void Lease::Wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(wake_, &one, sizeof one);
}

bool Lease::IsHeld() const { return ClockMs() < until_ms_.load(); }

bool Lease::AwaitHeld(const Stop& stop) const {
  while (!IsHeld()) {
    if (!stop.SleepFor(std::chrono::milliseconds(20))) return false;
  }
  return true;
}

std::string Lease::origin() const {
  const std::uint64_t origin = origin_.load();
  return origin == 0 ? std::string() : fmt::format("{:016x}", origin);
}

}  // namespace writebehind
