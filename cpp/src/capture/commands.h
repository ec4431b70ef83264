// The module's commands, one function each; commands.cc has their table.
#pragma once

#include "capture/args.h"

namespace writebehind {

class Database;
class Pipeline;

// WB.REGISTER <pipeline> <json>
int RegisterCommand(redis::Context* ctx, const Args& args);
// WB.UNREGISTER <pipeline> [DROP]
int UnregisterCommand(redis::Context* ctx, const Args& args);
// WB.LIST
int ListCommand(redis::Context* ctx, const Args& args);
// WB.CAPTURE [ABSENT] <key> [<key> ...]
int CaptureCommand(redis::Context* ctx, const Args& args);
// WB.REQUEUE <pipeline> <entry>
int RequeueCommand(redis::Context* ctx, const Args& args);
// WB.READ <pipeline> <after> <rows> <bytes>
int ReadCommand(redis::Context* ctx, const Args& args);
// WB.SETTLE <pipeline> <identity> <minid> <pairs> [<field> <checkpoint>]... [<id> <error>]...
int SettleCommand(redis::Context* ctx, const Args& args);
// WB.REJECT <pipeline> <identity> <id> <field> <value> [<field> <value>]...
int RejectCommand(redis::Context* ctx, const Args& args);
// WB.STRAYS <pipeline> <removed> [<field>]... [<field> <value>]...
int StraysCommand(redis::Context* ctx, const Args& args);
// WB.LEASE <pipeline> <token> [<ms> <engine>]
int LeaseCommand(redis::Context* ctx, const Args& args);
// WB.LEASED <token> <command> <pipeline> ...
int LeasedCommand(redis::Context* ctx, const Args& args);

// The selected database's pipeline of this name; or replies the error and returns null.
Pipeline* RequirePipeline(redis::Context* ctx, std::string_view name);

// The caller may XREAD, or XDEL, the pipeline's stream; or replies the error. On 7.0 the commands that are
// the engine's are in no category, and none of them names a key that the server would look at.
bool MayReadStream(redis::Context* ctx, const Pipeline& pipeline);
bool MayChangeStream(redis::Context* ctx, const Pipeline& pipeline);

bool CreateCommands(redis::Context* ctx);

}  // namespace writebehind
