#include "capture/hash_command.h"

#include <set>
#include <vector>

#include "capture/acl.h"
#include "capture/answer.h"
#include "capture/backlog.h"
#include "capture/notify.h"
#include "capture/own_keys.h"
#include "capture/own_writes.h"
#include "capture/server.h"

namespace writebehind {
namespace {

constexpr char kLost[] = "the pipeline's stream takes no more entries";
constexpr char kWrongType[] = "WRONGTYPE Operation against a key holding the wrong kind of value";

struct Request {
  redis::String* key;
  std::string_view name;              // of the key
  std::vector<redis::String*> pairs;  // without the `#` field
  Operation operation;
};

Request Parse(const Args& args) {
  Request request{args[1], args.view(1), {}, {}};
  request.operation = ReadOperation(
      2, args.size(), [&](std::size_t i) { return args.view(i); },
      [&](std::size_t i) { request.pairs.insert(request.pairs.end(), {args[i], args[i + 1]}); });
  return request;
}

// The call itself does nothing: HSET finds its arguments not in pairs.
bool MayHset(redis::Context* ctx, redis::String* key, bool hmset) {
  const ReplyHandle reply(redis::Call(ctx, hmset ? "HMSET" : "HSET", "CEsccc", key, "", "", ""));
  return Permitted(reply, "wrong number of arguments");
}

// What HSET does where no pipeline looks at the key: there `#` is a field as any other.
int PlainHash(redis::Context* ctx, const Args& args, bool hmset) {
  const ReplyHandle reply(redis::Call(ctx, hmset ? "HMSET" : "HSET", "!Ev", args.from(1), args.size() - 1));
  return reply ? redis::ReplyWithCallReply(ctx, reply.get())
               : ReplyError(ctx, "ERR the command could not be run");
}

// Null, or why the request is refused before it changes anything.
const char* Refuse(redis::Context* ctx, const Request& request) {
  if (const char* refusal = request.operation.Refusal()) return refusal;
  const int type = TypeOf(Peek(ctx, request.key));
  if (type != redis::kEmpty && type != redis::kHash) return kWrongType;
  if (type == redis::kEmpty && request.pairs.empty() && !request.operation.deletes()) {
    return "ERR no such key, and no field to set beside '#'";
  }
  if (request.operation.uuid.empty()) return nullptr;
  const StringHandle answer = MakeString(AnswerKey(request.name, request.operation.uuid));
  const int answer_type = TypeOf(Peek(ctx, answer.get()));
  if (answer_type == redis::kEmpty || answer_type == redis::kStream) return nullptr;
  return "WRONGTYPE the key for the answer, {<key>}<uuid>, exists and is no stream";
}

void ForgetEarlierAnswer(redis::Context* ctx, const Request& request) {
  if (request.operation.uuid.empty()) return;
  ClearAnswer(ctx, request.name, request.operation.uuid);
  const StringHandle pending = MakeString(PendingKey(request.name, request.operation.uuid));
  if (!Peek(ctx, pending.get())) return;
  const OwnWrites own;
  ReplyHandle(redis::Call(ctx, "DEL", "!s", pending.get()));
}

// How many of the fields the hash does not have yet: what HSET would answer.
long long CountNew(redis::Context* ctx, const Request& request) {
  const KeyHandle hash = Peek(ctx, request.key);
  std::set<std::string_view> added;
  for (std::size_t i = 0; i < request.pairs.size(); i += 2) {
    int exists = 0;
    if (hash) redis::HashGet(hash.get(), redis::kHashExists, request.pairs[i], &exists, nullptr);
    if (exists == 0) added.insert(View(request.pairs[i]));
  }
  return static_cast<long long>(added.size());
}

// Sets the fields, which captures; or captures the key as it is, where there is none to set. Null: replied an
// error.
std::optional<long long> Set(redis::Context* ctx, Database* database, const Request& request) {
  if (request.pairs.empty()) {
    if (!request.operation.silent()) CaptureKey(ctx, database, request.key, "hset");
    return 0;
  }
  const ReplyHandle reply(
      redis::Call(ctx, "HSET", "!Esv", request.key, request.pairs.data(), request.pairs.size()));
  if (reply && !IsError(reply)) return redis::CallReplyInteger(reply.get());
  if (reply) {
    redis::ReplyWithCallReply(ctx, reply.get());
  } else {
    ReplyError(ctx, "ERR the command could not be run");
  }
  return std::nullopt;
}

// Deletes the key, which captures; an absent key's delete is captured too.
long long Delete(redis::Context* ctx, Database* database, const Request& request) {
  const long long added = CountNew(ctx, request);
  if (Peek(ctx, request.key)) {
    ReplyHandle(redis::Call(ctx, "DEL", "!s", request.key));
  } else if (!request.operation.silent()) {
    CaptureKey(ctx, database, request.key, "del");
  }
  return added;
}

// The change of this command, for the time it works.
class ChangeScope {
 public:
  explicit ChangeScope(CurrentChange* change) { SetCurrentChange(change); }
  ~ChangeScope() { SetCurrentChange(nullptr); }
  ChangeScope(const ChangeScope&) = delete;
  ChangeScope& operator=(const ChangeScope&) = delete;
};

// Where no engine will answer, or can't know of a failure.
void AnswerNow(redis::Context* ctx, const Request& request, const CurrentChange& change) {
  if (change.captured == 0) {
    WriteAnswer(ctx, request.name, request.operation.uuid, change.lost ? kLost : "");
  } else if (change.lost) {
    FailSettlement(ctx, request.name, request.operation.uuid, kLost);
  }
}

int Run(redis::Context* ctx, const Args& args, bool hmset) {
  if (args.size() < 4 || args.size() % 2 != 0) return redis::WrongArity(ctx);
  if (!MayHset(ctx, args[1], hmset)) {
    return redis::ReplyWithError(ctx, "NOPERM this user has no permissions to set fields of this key");
  }
  Database* database = Server::Get().Capturing(ctx);
  const Request request = Parse(args);
  if (database == nullptr || request.operation.count == 0 || !database->Captures(request.name)) {
    const bool refused = request.operation.count == 0 && Backlog::Refuse(ctx, database, request.name, "hset");
    return refused ? redis::kOk : PlainHash(ctx, args, hmset);
  }
  if (const char* refusal = Refuse(ctx, request)) return redis::ReplyWithError(ctx, refusal);
  // What is not captured, or deletes, is always welcome.
  if (request.operation.op == '=' && Backlog::Refuse(ctx, database, request.name, "hset")) return redis::kOk;
  ForgetEarlierAnswer(ctx, request);

  CurrentChange change{request.name, request.operation.uuid, request.operation.silent()};
  std::optional<long long> added;
  {
    const ChangeScope scope(&change);
    added = request.operation.deletes() ? Delete(ctx, database, request) : Set(ctx, database, request);
  }
  if (!added) return redis::kOk;
  if (!request.operation.uuid.empty()) AnswerNow(ctx, request, change);
  return hmset ? redis::ReplyWithSimpleString(ctx, "OK") : redis::ReplyWithLongLong(ctx, *added + 1);
}

}  // namespace

int HsetCommand(redis::Context* ctx, const Args& args) { return Run(ctx, args, false); }
int HmsetCommand(redis::Context* ctx, const Args& args) { return Run(ctx, args, true); }

}  // namespace writebehind
