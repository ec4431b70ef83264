#include "capture/command_docs.h"

#include <string_view>

namespace writebehind {

namespace redis {

// The server reads these structures; their sizes tell it which version of them it gets.
struct CommandInfoVersion {
  int version;
  std::size_t history_size;
  std::size_t key_spec_size;
  std::size_t argument_size;
};

struct CommandHistory {
  const char* since;
  const char* changes;
};

struct KeySpec {
  const char* notes;
  std::uint64_t flags;
  int begin_type;
  union {
    struct {
      int position;
    } index;
    struct {
      const char* keyword;
      int start_from;
    } keyword;
  } begin;
  int find_type;
  union {
    struct {
      int last;
      int step;
      int limit;
    } range;
    struct {
      int number_at;
      int first;
      int step;
    } counted;
  } find;
};

enum ArgumentType : int {
  kArgString = 0,
  kArgInteger,
  kArgDouble,
  kArgKey,
  kArgPattern,
  kArgUnixTime,
  kArgToken,
  kArgOneOf,
  kArgBlock
};

struct Argument {
  const char* name;
  ArgumentType type;
  int key_spec;
  const char* token;
  const char* summary;
  const char* since;
  int flags;
  const char* deprecated_since;
  Argument* parts;
};

struct CommandInfo {
  const CommandInfoVersion* version;
  const char* summary;
  const char* complexity;
  const char* since;
  CommandHistory* history;
  const char* tips;
  int arity;
  KeySpec* key_specs;
  Argument* arguments;
};

}  // namespace redis

namespace {

using redis::Argument;
using redis::CommandInfo;
using redis::KeySpec;

constexpr redis::CommandInfoVersion kVersion{1, sizeof(redis::CommandHistory), sizeof(KeySpec),
                                             sizeof(Argument)};
constexpr char kSince[] = "0.1.0";
constexpr int kOptional = 1 << 0;
constexpr int kMultiple = 1 << 1;
constexpr int kBeginIndex = 2;
constexpr int kFindRange = 2;

constexpr Argument Arg(const char* name, redis::ArgumentType type, int flags = 0,
                       const char* token = nullptr) {
  return {name, type, type == redis::kArgKey ? 0 : -1, token, nullptr, nullptr, flags, nullptr, nullptr};
}

constexpr Argument Block(const char* name, Argument* parts, int flags) {
  return {name, redis::kArgBlock, -1, nullptr, nullptr, nullptr, flags, nullptr, parts};
}

constexpr KeySpec KeyAt(int position, std::uint64_t flags) {
  KeySpec spec{};
  spec.flags = flags;
  spec.begin_type = kBeginIndex;
  spec.begin.index.position = position;
  spec.find_type = kFindRange;
  spec.find.range = {0, 1, 0};
  return spec;
}

using redis::kArgInteger;
using redis::kArgKey;
using redis::kArgString;
using redis::kArgToken;

Argument register_args[] = {Arg("pipeline", kArgString), Arg("definition", kArgString), {}};
Argument unregister_args[] = {Arg("pipeline", kArgString), Arg("drop", kArgToken, kOptional, "DROP"), {}};
Argument capture_args[] = {Arg("absent", kArgToken, kOptional, "ABSENT"), Arg("key", kArgKey, kMultiple), {}};
Argument read_args[] = {Arg("pipeline", kArgString),
                        Arg("after", kArgString),
                        Arg("rows", kArgInteger),
                        Arg("bytes", kArgInteger),
                        {}};
Argument checkpoint_parts[] = {Arg("field", kArgString), Arg("checkpoint", kArgString), {}};
Argument answer_parts[] = {Arg("id", kArgString), Arg("error", kArgString), {}};
Argument settle_args[] = {Arg("pipeline", kArgString),
                          Arg("identity", kArgString),
                          Arg("minid", kArgString),
                          Arg("pairs", kArgInteger),
                          Block("checkpoint", checkpoint_parts, kOptional | kMultiple),
                          Block("answer", answer_parts, kOptional | kMultiple),
                          {}};
Argument pair_parts[] = {Arg("field", kArgString), Arg("value", kArgString), {}};
Argument reject_args[] = {Arg("pipeline", kArgString),
                          Arg("identity", kArgString),
                          Arg("id", kArgString),
                          Block("data", pair_parts, kMultiple),
                          {}};
Argument removed_parts[] = {Arg("field", kArgString), {}};
Argument strays_args[] = {Arg("pipeline", kArgString),
                          Arg("removed", kArgInteger),
                          Block("stray", removed_parts, kOptional | kMultiple),
                          Block("data", pair_parts, kOptional | kMultiple),
                          {}};
Argument turn_parts[] = {Arg("ms", kArgInteger), Arg("engine", kArgString), {}};
Argument lease_args[] = {Arg("pipeline", kArgString), Arg("token", kArgString), Block("turn", turn_parts, kOptional), {}};
Argument leased_args[] = {Arg("token", kArgString), Arg("command", kArgString), Arg("argument", kArgString, kMultiple), {}};
Argument requeue_args[] = {Arg("pipeline", kArgString), Arg("entry", kArgString), {}};
Argument copy_args[] = {Arg("source", kArgKey),
                        {"destination", kArgKey, 1, nullptr, nullptr, nullptr, 0, nullptr, nullptr},
                        Arg("database", kArgInteger, kOptional, "DB"),
                        Arg("replace", kArgToken, kOptional, "REPLACE"),
                        {}};
Argument unless_full_args[] = {Arg("command", kArgString),
                               Arg("key", kArgKey),
                               Arg("argument", kArgString, kOptional | kMultiple),
                               {}};
Argument hash_args[] = {Arg("key", kArgKey), Block("data", pair_parts, kMultiple), {}};

// WB.CAPTURE has none: only a function knows whether its first argument is a key.
// HSET's and COPY's own flags, so that the same key permissions are asked for.
KeySpec hash_keys[] = {KeyAt(1, redis::kKeyReadWrite | redis::kKeyUpdate), {}};
KeySpec unless_full_keys[] = {KeyAt(2, redis::kKeyReadWrite | redis::kKeyUpdate), {}};
KeySpec copy_keys[] = {KeyAt(1, redis::kKeyReadOnly | redis::kKeyAccess),
                       KeyAt(2, redis::kKeyOverwrite | redis::kKeyUpdate),
                       {}};

struct Documentation {
  std::string_view command;
  const char* summary;
  const char* complexity;
  int arity;
  KeySpec* keys;
  Argument* arguments;
};

const Documentation kDocumentation[] = {
    {"WB.REGISTER", "Starts capturing the changes of the keys that a pipeline's pattern matches.", "O(1)", 3,
     nullptr, register_args},
    {"WB.UNREGISTER", "Stops capturing for a pipeline; DROP deletes its streams too.",
     "O(N) with DROP, N entries", -2, nullptr, unregister_args},
    {"WB.LIST", "Lists the pipelines of the selected database.", "O(N) with N pipelines", 1, nullptr,
     nullptr},
    {"WB.CAPTURE", "Captures the present state of keys as if they had just changed.", "O(N) with N keys", -2,
     nullptr, capture_args},
    {"WB.READ", "Reads captured changes, bounded by rows and bytes.", "O(N) with N entries returned", 5,
     nullptr, read_args},
    {"WB.SETTLE", "Stores checkpoints, answers writers and removes changes that are committed.",
     "O(N) with N entries removed", -5, nullptr, settle_args},
    {"WB.REJECT", "Stores a change that the target refuses.", "O(1)", -6, nullptr, reject_args},
    {"WB.STRAYS", "Removes and stores what an engine knows of rows that are not where their keys say.",
     "O(N) with N fields", -3, nullptr, strays_args},
    {"WB.LEASE", "Takes, keeps or gives up the lease by which one engine works on a pipeline.", "O(1)", -3, nullptr,
     lease_args},
    {"WB.LEASED", "Runs WB.SETTLE, WB.REJECT or WB.STRAYS, if the lease is the token's.", "that of the command", -4,
     nullptr, leased_args},
    {"WB.REQUEUE", "Adds a rejected change with its stored values again, if its key is absent.", "O(1)", 3,
     nullptr, requeue_args},
    {"WB.HSET", "HSET with a field '#' that says whether the change is replicated to the target.",
     "O(N) with N fields", -4, hash_keys, hash_args},
    {"WB.HMSET", "HMSET with a field '#' that says whether the change is replicated to the target.",
     "O(N) with N fields", -4, hash_keys, hash_args},
    {"WB.UNLESSFULL", "Runs a command that adds to a hash, unless as many changes wait as its pipeline allows.",
     "That of the command", -3, unless_full_keys, unless_full_args},
    {"WB.COPY", "COPY into another database, where the server's own would leave the client there.",
     "O(N) with N elements", -3, copy_keys, copy_args},
};

}  // namespace

bool Document(redis::Context* ctx, const char* command) {
  for (const Documentation& doc : kDocumentation) {
    if (doc.command != command) continue;
    const CommandInfo info{&kVersion, doc.summary, doc.complexity, kSince,       nullptr,
                           nullptr,   doc.arity,   doc.keys,       doc.arguments};
    return redis::SetCommandInfo(redis::GetCommand(ctx, command), &info) == redis::kOk;
  }
  return false;
}

}  // namespace writebehind
