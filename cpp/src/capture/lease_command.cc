// A pipeline's lease: which one of its engines works. WB.LEASE takes, keeps and gives it up, WB.LEASED does what only
// its holder may do.
//
// It is the key `writebehind:{<p>}:lease`, so that it outlives this server and goes along to a replica that is promoted:
//
//   <token> <server> <client> <engine>
//
//   token   the engine's, random, of one turn of work
//   server  random, of the server (since it started) that the engine was connected to
//   client  ID of that connection there: where it is gone, so is the engine
//   engine  for people
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "capture/acl.h"
#include "capture/commands.h"
#include "capture/own_keys.h"
#include "capture/own_writes.h"
#include "capture/server.h"

namespace writebehind {
namespace {

constexpr long long kStandbyMs = 60'000;  // so long a standby that is heard of no more is remembered

struct Holder {
  std::string token;
  std::string server;
  unsigned long long client = 0;
  std::string engine;
};

const std::string& ThisServer() {
  static const std::string server = IdentityText(RandomIdentity());
  return server;
}

// Who had each lease last, as far as this server knows: by database and pipeline. The key may be flushed, and alone
// it would not tell who was away from who was replaced meanwhile.
struct Last {
  Holder holder;
  long long until_ms = 0;
};

Last& LastOf(redis::Context* ctx, std::string_view pipeline) {
  static std::map<std::pair<int, std::string>, Last> last;
  return last[{redis::GetSelectedDb(ctx), std::string(pipeline)}];
}

std::optional<Holder> Stored(redis::Context* ctx, const std::string& key) {
  const ReplyHandle reply(redis::Call(ctx, "GET", "b", key.data(), key.size()));
  std::size_t size = 0;
  const char* data = reply ? redis::CallReplyStringPtr(reply.get(), &size) : nullptr;
  if (data == nullptr || IsError(reply)) return std::nullopt;
  std::string_view text(data, size);
  const auto word = [&text] {
    const std::size_t end = std::min(text.find(' '), text.size());
    std::string found(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    return found;
  };
  Holder holder;
  holder.token = word();
  holder.server = word();
  holder.client = ParseNumber<unsigned long long>(word()).value_or(0);
  holder.engine = text;
  return holder;
}

std::optional<Holder> FindHolder(redis::Context* ctx, std::string_view pipeline) {
  if (auto stored = Stored(ctx, PipelineKey(pipeline, "lease"))) return stored;
  const Last& last = LastOf(ctx, pipeline);
  if (redis::Milliseconds() < last.until_ms) return last.holder;
  return std::nullopt;
}

bool IsOf(redis::Context* ctx, const std::optional<Holder>& holder, std::string_view pipeline, std::string_view token) {
  return (holder ? *holder : LastOf(ctx, pipeline).holder).token == token;
}

// Its connection was to this server, and is no more.
bool IsGone(const Holder& holder) {
  return holder.server == ThisServer() && redis::GetClientInfoById(nullptr, holder.client) != redis::kOk;
}

// Written also where the memory is full: none of these calls says that it minds.
void Take(redis::Context* ctx, std::string_view pipeline, std::string_view token, std::uint32_t ms, std::string_view engine) {
  const Holder holder{std::string(token), ThisServer(), redis::GetClientId(ctx), std::string(engine)};
  LastOf(ctx, pipeline) = {holder, redis::Milliseconds() + ms};
  const std::string key = PipelineKey(pipeline, "lease");
  const std::string value = holder.token + ' ' + holder.server + ' ' + std::to_string(holder.client) + ' ' + holder.engine;
  const std::string ttl = std::to_string(ms);
  RemoveUnless(ctx, key, redis::kString);
  ReplyHandle(redis::Call(ctx, "SET", "!bbcb", key.data(), key.size(), value.data(), value.size(), "PX", ttl.data(), ttl.size()));
}

void ForgetStandby(redis::Context* ctx, std::string_view pipeline, std::string_view engine) {
  const std::string key = PipelineKey(pipeline, "standbys");
  ReplyHandle(redis::Call(ctx, "HDEL", "!bb", key.data(), key.size(), engine.data(), engine.size()));
}

// `writebehind:{<p>}:standbys`: engine → when it last asked, in ms; written once a second at most.
void RememberStandby(redis::Context* ctx, std::string_view pipeline, std::string_view engine) {
  const std::string key = PipelineKey(pipeline, "standbys");
  RemoveUnless(ctx, key, redis::kHash);
  const ReplyHandle reply(redis::Call(ctx, "HGET", "bb", key.data(), key.size(), engine.data(), engine.size()));
  std::size_t size = 0;
  const char* data = reply ? redis::CallReplyStringPtr(reply.get(), &size) : nullptr;
  const long long before = data == nullptr ? 0 : ParseNumber<long long>(std::string_view(data, size)).value_or(0);
  const long long now = redis::Milliseconds();
  if (now >= before && now - before < 1000) return;
  const std::string at = std::to_string(now);
  const std::string ttl = std::to_string(kStandbyMs);
  ReplyHandle(redis::Call(ctx, "HSET", "!bbb", key.data(), key.size(), engine.data(), engine.size(), at.data(), at.size()));
  ReplyHandle(redis::Call(ctx, "PEXPIRE", "!bb", key.data(), key.size(), ttl.data(), ttl.size()));
}

// WB.SETTLE's right, also where the pipeline is not registered (yet, or any more).
bool MayLead(redis::Context* ctx, std::string_view pipeline) {
  const std::string stream = PipelineKey(pipeline, "stream");
  const ReplyHandle probe(redis::Call(ctx, "XDEL", "CEbc", stream.data(), stream.size(), "no ID"));
  if (Permitted(probe, "Invalid stream ID")) return true;
  redis::ReplyWithError(ctx, "NOPERM this user has no permission to XDEL from the pipeline's stream");
  return false;
}

std::string OriginOf(redis::Context* ctx, std::string_view name) {
  const Database* database = Server::Get().registry().Find(redis::GetSelectedDb(ctx));
  const Pipeline* pipeline = database == nullptr ? nullptr : database->Find(name);
  return pipeline == nullptr ? std::string() : IdentityText(pipeline->registration().origin);
}

int GiveUp(redis::Context* ctx, std::string_view pipeline, std::string_view token, std::string_view engine) {
  ForgetStandby(ctx, pipeline, engine);
  const bool had = IsOf(ctx, FindHolder(ctx, pipeline), pipeline, token);
  if (had) {
    const std::string key = PipelineKey(pipeline, "lease");
    ReplyHandle(redis::Call(ctx, "DEL", "!b", key.data(), key.size()));
    LastOf(ctx, pipeline) = {};
  }
  return redis::ReplyWithLongLong(ctx, had ? 1 : 0);
}

// The token has the lease, or had it last and nobody took it since, though the key may have run out or be lost.
bool HoldsLease(redis::Context* ctx, std::string_view pipeline, std::string_view token) {
  return !token.empty() && IsOf(ctx, FindHolder(ctx, pipeline), pipeline, token);
}

struct LeasedRow {
  std::string_view name;
  int (*handler)(redis::Context*, const Args&);
};

constexpr LeasedRow kLeased[] = {{"WB.SETTLE", SettleCommand}, {"WB.REJECT", RejectCommand}, {"WB.STRAYS", StraysCommand}};

}  // namespace

int LeaseCommand(redis::Context* ctx, const Args& args) {
  if (args.size() != 3 && args.size() != 5) return redis::WrongArity(ctx);
  const std::string_view pipeline = args.view(1);
  const std::string_view token = args.view(2);
  if (const char* why = RefuseName(pipeline)) return ReplyError(ctx, std::string("ERR ") + why);
  const auto ms = args.size() == 3 ? std::optional<std::uint32_t>(0) : ParseNumber<std::uint32_t>(args.view(3));
  if (!ms || token.empty() || token.find(' ') != std::string_view::npos) {
    return ReplyError(ctx, "ERR expected: WB.LEASE <pipeline> <token without blanks> [<ms, 0: give up> <engine>]");
  }
  if (!MayLead(ctx, pipeline)) return redis::kOk;
  if (args.size() == 3) return redis::ReplyWithLongLong(ctx, HoldsLease(ctx, pipeline, token) ? 1 : 0);
  const std::string_view engine = args.view(4);
  const OwnWrites own;
  if (*ms == 0) return GiveUp(ctx, pipeline, token, engine);
  const std::optional<Holder> holder = FindHolder(ctx, pipeline);
  const bool had = IsOf(ctx, holder, pipeline, token);
  const bool takes = had || !holder || IsGone(*holder);
  if (takes) {
    Take(ctx, pipeline, token, *ms, engine);
    if (!had) ForgetStandby(ctx, pipeline, engine);
  } else {
    RememberStandby(ctx, pipeline, engine);
  }
  redis::ReplyWithArray(ctx, 3);
  redis::ReplyWithLongLong(ctx, had ? 2 : takes ? 1 : 0);
  ReplyText(ctx, OriginOf(ctx, pipeline));
  return ReplyText(ctx, takes ? engine : std::string_view(holder->engine));
}

int LeasedCommand(redis::Context* ctx, const Args& args) {
  if (args.size() < 4) return redis::WrongArity(ctx);
  for (const LeasedRow& row : kLeased) {
    if (!SameWord(args.view(2), row.name)) continue;
    if (HoldsLease(ctx, args.view(3), args.view(1))) return row.handler(ctx, Args(args.from(2), static_cast<int>(args.size() - 2)));
    return ReplyError(ctx, "WBLEASE another engine has taken over pipeline '" + std::string(args.view(3)) + "'");
  }
  return ReplyError(ctx, "ERR expected: WB.LEASED <token> WB.SETTLE|WB.REJECT|WB.STRAYS <pipeline> ...");
}

}  // namespace writebehind
