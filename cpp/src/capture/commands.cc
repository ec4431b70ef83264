#include "capture/commands.h"

#include <algorithm>

#include "capture/acl.h"
#include "capture/command_docs.h"
#include "capture/copy_command.h"
#include "capture/guard.h"
#include "capture/hash_command.h"
#include "capture/server.h"

namespace writebehind {
namespace {

using Handler = int (*)(redis::Context*, const Args&);

// Registrations and streams are the master's to change, also where a replica lets its clients write. An engine that is
// connected to what was the master learns it when it reads.
template <Handler kHandler>
int OnMaster(redis::Context* ctx, const Args& args) {
  if (Server::Get().master()) return kHandler(ctx, args);
  return redis::ReplyWithError(ctx, "READONLY this is a replica, and writebehind's commands are for its master");
}

template <Handler kHandler>
int Entry(redis::Context* ctx, redis::String** words, int count) {
  int result = redis::kErr;
  bool done = false;
  Guarded(ctx, "a command", [&] {
    result = kHandler(ctx, Args(words, count));
    done = true;
  });
  return done ? result : redis::ReplyWithError(ctx, "ERR the command failed, see the server's log");
}

struct CommandRow {
  const char* name;
  redis::CommandProc proc;
  const char* flags;
  int keys;  // how many of the first arguments are keys
  bool admin;
};

constexpr CommandRow kCommands[] = {
    {"WB.REGISTER", Entry<OnMaster<RegisterCommand>>, "write deny-oom admin", 0, true},
    {"WB.UNREGISTER", Entry<OnMaster<UnregisterCommand>>, "write admin", 0, true},
    {"WB.LIST", Entry<ListCommand>, "readonly", 0, false},
    {"WB.CAPTURE", Entry<CaptureCommand>, "write deny-oom getkeys-api", 1, false},
    {"WB.READ", Entry<OnMaster<ReadCommand>>, "readonly", 0, true},
    {"WB.SETTLE", Entry<OnMaster<SettleCommand>>, "write", 0, true},
    {"WB.REJECT", Entry<OnMaster<RejectCommand>>, "write", 0, true},
    {"WB.STRAYS", Entry<OnMaster<StraysCommand>>, "write", 0, true},
    {"WB.LEASE", Entry<OnMaster<LeaseCommand>>, "write", 0, true},
    {"WB.LEASED", Entry<OnMaster<LeasedCommand>>, "write", 0, true},
    {"WB.REQUEUE", Entry<OnMaster<RequeueCommand>>, "write deny-oom", 0, true},
    {kHsetCommand, Entry<HsetCommand>, "write deny-oom fast", 1, false},
    {kHmsetCommand, Entry<HmsetCommand>, "write deny-oom fast", 1, false},
    {kCopyCommand, Entry<CopyCommand>, "write deny-oom", 2, false},
};

}  // namespace

Pipeline* RequirePipeline(redis::Context* ctx, std::string_view name) {
  Database* database = Server::Get().registry().Find(redis::GetSelectedDb(ctx));
  Pipeline* pipeline = database == nullptr ? nullptr : database->Find(name);
  if (pipeline == nullptr) ReplyError(ctx, "ERR no such pipeline '" + std::string(name) + "'");
  return pipeline;
}

bool MayReadStream(redis::Context* ctx, const Pipeline& pipeline) {
  const ReplyHandle probe(redis::Call(ctx, "XREAD", "CEcsc", "STREAMS", pipeline.stream(), "no ID"));
  if (Permitted(probe, "Invalid stream ID")) return true;
  redis::ReplyWithError(ctx, "NOPERM this user has no permission to XREAD the pipeline's stream");
  return false;
}

bool MayChangeStream(redis::Context* ctx, const Pipeline& pipeline) {
  const ReplyHandle probe(redis::Call(ctx, "XDEL", "CEsc", pipeline.stream(), "no ID"));
  if (Permitted(probe, "Invalid stream ID")) return true;
  redis::ReplyWithError(ctx, "NOPERM this user has no permission to XDEL from the pipeline's stream");
  return false;
}

bool CreateCommands(redis::Context* ctx) {
  for (const CommandRow& row : kCommands) {
    const int first = std::min(row.keys, 1);
    if (redis::CreateCommand(ctx, row.name, row.proc, row.flags, first, row.keys, first) != redis::kOk)
      return false;
    if (!Document(ctx, row.name)) return false;
    // WB.READ shows changes of all keys, WB.SETTLE, WB.REJECT, WB.STRAYS, WB.LEASE and WB.REQUEUE decide what becomes of them,
    // whatever keys a user may touch: they are the engine's. The others are in no category.
    if (row.admin && redis::SetCommandACLCategories != nullptr) {
      redis::SetCommandACLCategories(redis::GetCommand(ctx, row.name), "admin dangerous");
    }
  }
  return true;
}

}  // namespace writebehind
