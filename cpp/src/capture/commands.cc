#include "capture/commands.h"

#include <algorithm>

#include "capture/acl.h"
#include "capture/backlog.h"
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
  int first;  // of its arguments that is a key; 0: none
  int last;
  const char* categories;  // of the ACL; null: none
};

// They show changes of all keys, or decide what becomes of them, whatever keys a user may touch: the engine's.
constexpr char kAdmin[] = "admin dangerous";

constexpr CommandRow kCommands[] = {
    {"WB.REGISTER", Entry<OnMaster<RegisterCommand>>, "write deny-oom admin", 0, 0, kAdmin},
    {"WB.UNREGISTER", Entry<OnMaster<UnregisterCommand>>, "write admin", 0, 0, kAdmin},
    {"WB.LIST", Entry<ListCommand>, "readonly", 0, 0, nullptr},
    {"WB.CAPTURE", Entry<CaptureCommand>, "write deny-oom getkeys-api", 1, 1, nullptr},
    {"WB.READ", Entry<OnMaster<ReadCommand>>, "readonly", 0, 0, kAdmin},
    {"WB.SETTLE", Entry<OnMaster<SettleCommand>>, "write", 0, 0, kAdmin},
    {"WB.REJECT", Entry<OnMaster<RejectCommand>>, "write", 0, 0, kAdmin},
    {"WB.STRAYS", Entry<OnMaster<StraysCommand>>, "write", 0, 0, kAdmin},
    {"WB.LEASE", Entry<OnMaster<LeaseCommand>>, "write", 0, 0, kAdmin},
    {"WB.LEASED", Entry<OnMaster<LeasedCommand>>, "write", 0, 0, kAdmin},
    {"WB.REQUEUE", Entry<OnMaster<RequeueCommand>>, "write deny-oom", 0, 0, kAdmin},
    {kHsetCommand, Entry<HsetCommand>, "write deny-oom fast", 1, 1, nullptr},
    {kHmsetCommand, Entry<HmsetCommand>, "write deny-oom fast", 1, 1, nullptr},
    {kUnlessFullCommand, Entry<UnlessFullCommand>, "write deny-oom", 2, 2, nullptr},
    {kCopyCommand, Entry<CopyCommand>, "write deny-oom", 1, 2, nullptr},
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
    if (redis::CreateCommand(ctx, row.name, row.proc, row.flags, row.first, row.last, std::min(row.first, 1)) != redis::kOk)
      return false;
    if (!Document(ctx, row.name)) return false;
    if (row.categories != nullptr && redis::SetCommandACLCategories != nullptr) {
      redis::SetCommandACLCategories(redis::GetCommand(ctx, row.name), row.categories);
    }
  }
  return true;
}

}  // namespace writebehind
