#include "pipeline/settle_loop.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>

#include "pipeline/redis_line.h"
#include "util/host_name.h"
#include "util/log.h"

namespace writebehind {
namespace {

constexpr std::chrono::milliseconds kBeat{1000};
constexpr std::chrono::milliseconds kPausingBeat{50};
constexpr std::int64_t kLongMs = 5000;  // for an answer

std::int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

SettleLoop::SettleLoop(Context* context)
    : context_(context),
      settler_(context->options.name, &context->tracker),
      retry_(context->options.name, "settler", context->options.retry_interval, &context->stop_all, &context->board),
      started_ms_(std::to_string(NowMs())),
      host_(HostName()) {}

bool SettleLoop::LanesEmpty() const {
  for (const auto& lane : context_->lanes) {
    if (!lane->settlements.empty()) return false;
  }
  return true;
}

void SettleLoop::Collect() {
  for (auto& lane : context_->lanes) {
    while (auto settlement = lane->settlements.TryPop()) {
      // Before its last change counts as decided: the reader waits for that.
      if (settlement->is_given_back) {
        context_->read_again.store(true);
      } else {
        context_->board.SetSettled(settlement->last);
      }
      settler_.Add(std::move(settlement));
    }
  }
}

void SettleLoop::Run() {
  for (;;) {
    context_->settle.WaitUntil(next_beat_, [this] {
      return !LanesEmpty() || context_->workers_alive.load() == 0 || context_->stop_all.requested();
    });
    const bool last = context_->workers_alive.load() == 0;  // read before the lanes: nothing comes after
    Collect();
    if (last) next_beat_ = {};
    if (!retry_.Until([this] { return Send(); }, [this] { redis_.Close(); })) return;
    if (last) return;
  }
}

// All or nothing. A Redis that came back as it was before it took a checkpoint also holds entries again: what
// was settled then would trim them before they are read, so it is not sent to this one.
Status SettleLoop::Open() {
  if (redis_.open()) return Status::Ok();
  if (Status status = redis_.Open(context_->options.redis); !status.ok()) return status;
  Reply reply;
  const std::string key = KeyOf(context_->options.name, "checkpoint");
  if (Status status = redis_.Command({"HGETALL", key}, &reply); !status.ok()) {
    redis_.Close();
    return status;
  }
  std::map<std::string_view, StreamId> found;
  for (std::size_t i = 0; i + 1 < reply->elements; i += 2) {
    if (const auto id = StreamId::Parse(Text(*reply->element[i + 1]))) found[Text(*reply->element[i])] = *id;
  }
  const auto& taken = settler_.taken();
  if (std::all_of(taken.begin(), taken.end(), [&found](const auto& one) { return found[one.first] >= one.second; })) return Status::Ok();
  Log(LogLevel::kWarning, context_->options.name, "Redis came back without the last of what was settled: its stream is read again");
  settler_.ForgetReading(context_->readings.load());
  context_->read_again.store(true);
  return Status::Ok();
}

Status SettleLoop::Send() {
  if (Status status = Open(); !status.ok()) return status;
  Collect();  // more may have come while Redis was away
  RedisLine line(&redis_, context_->token);
  Status status = settler_.Send(&line);
  if (status.code() == Code::kTransient && status.message().find("no such pipeline") != std::string::npos) {
    settler_.Forget();  // unregistered with DROP: there is nobody left to tell
  } else if (!status.ok()) {
    return status;
  }
  if (std::chrono::steady_clock::now() < next_beat_) return Status::Ok();
  next_beat_ = std::chrono::steady_clock::now() + kBeat;
  return Beat();
}

// A database that neither answers nor refuses, as where somebody holds a lock, is no failure for minutes: it is told of before.
std::string SettleLoop::Message(const std::string& failure) {
  const std::int64_t now = SteadyMs();
  std::int64_t longest = 0;
  for (const auto& lane : context_->lanes) {
    const std::int64_t since = lane->asked_at_ms.load();
    if (since != 0) longest = std::max(longest, now - since);
  }
  const bool is_long = longest > kLongMs;
  if (is_long && !is_long_) {
    Log(LogLevel::kWarning, context_->options.name, fmt::format("the database has not answered for {} s: is something locked there?", longest / 1000));
  }
  is_long_ = is_long;
  if (!failure.empty() || !is_long) return failure;
  return fmt::format("the database has not answered for {} s", longest / 1000);
}

Status SettleLoop::Beat() {
  const StatusBoard::Snapshot now = context_->board.Get();
  const std::string message = Message(now.message);
  const Counters& counters = context_->board.counters;
  const auto count = [](const std::atomic<std::uint64_t>& counter) { return std::to_string(counter.load()); };
  const bool ending = context_->workers_alive.load() == 0 && !context_->begins_anew.load();
  const bool paused = asked_ && context_->pause.asked();
  const auto oldest = context_->tracker.Oldest();
  const std::int64_t lag = oldest ? std::max<std::int64_t>(0, NowMs() - static_cast<std::int64_t>(oldest->ms)) : 0;
  const bool complete = asked_ && context_->pause.complete();
  const char* state = ending && now.state != State::kHalted ? "stopped" : complete ? "paused" : StateText(now.state);
  const std::string& name = context_->options.name;
  const std::array<std::string, 36> words{
      "HSET",      KeyOf(name, "engine"),   "pid",        std::to_string(getpid()),       "host",     host_,
      "started_ms", started_ms_,             "seen_ms",    std::to_string(NowMs()),        "state",    state,
      "message",   message,                  "written",    count(counters.written),        "coalesced", count(counters.coalesced),
      "filtered",  count(counters.filtered), "rejected",   count(counters.rejected),       "skipped",  count(counters.skipped),
      "batches",   count(counters.batches),  "retries",    count(counters.retries),        "bytes",    count(counters.bytes),
      "settled_id", now.settled.ToString(),  "lag_ms",     std::to_string(lag),           "restored", now.restored};
  std::vector<std::string_view> views(words.begin(), words.end());
  redis_.Append(views);
  redis_.Append({"HGET", KeyOf(name, "control"), "paused"});
  Reply beaten;
  Reply control;
  if (Status status = redis_.Receive(&beaten); !status.ok()) return status;
  if (Status status = redis_.Receive(&control); !status.ok()) return status;
  if (beaten->type == REDIS_REPLY_ERROR && Text(*beaten).starts_with("OOM")) {
    if (Status status = BeatThoughFull(views); !status.ok()) return status;
  }
  if (control->type != REDIS_REPLY_STRING && control->type != REDIS_REPLY_NIL) {
    return {Code::kTransient, "Redis doesn't say whether the pipeline is paused: " + std::string(Text(*control))};
  }
  const bool pause = control->type == REDIS_REPLY_STRING && Text(*control) == "1";
  if (pause != paused && (asked_ || pause)) Log(LogLevel::kInfo, context_->options.name, pause ? "paused by an operator" : "resumed");
  context_->pause.Set(pause);
  // Whoever asked for it waits for the word that it is complete.
  if (pause != complete) next_beat_ = std::chrono::steady_clock::now() + kPausingBeat;
  asked_ = true;
  return Status::Ok();
}

// A server above its maxmemory refuses HSET, but not a script that says it may run; without our word `status` and `pause` would take us for
// dead. It takes no more memory: the fields are there.
Status SettleLoop::BeatThoughFull(std::span<const std::string_view> hset) {
  std::vector<std::string_view> words{"EVAL", kHsetThoughFull, "1"};
  words.insert(words.end(), hset.begin() + 1, hset.end());
  Reply reply;
  redis_.Append(words);
  if (Status status = redis_.Receive(&reply); !status.ok()) return status;
  const bool is_silent = reply->type == REDIS_REPLY_ERROR;
  if (is_silent && !is_silent_) {
    Log(LogLevel::kWarning, context_->options.name, "Redis is full, and `status` can't be told how this engine is: " + std::string(Text(*reply)));
  }
  is_silent_ = is_silent;
  return Status::Ok();
}

}  // namespace writebehind
