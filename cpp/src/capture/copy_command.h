// WB.COPY: COPY into another database, on servers where the event of it would leave the client there.
#pragma once

#include "capture/args.h"

namespace writebehind {

inline constexpr char kCopyCommand[] = "WB.COPY";

// Valkey 8.1.1 to 9.1.1 lend the client itself to those who hear of an event and leave it in the event's
// database (valkey pull request 4024). Its later commands, on replicas too, would go to the wrong one.
bool CopyMovesClient(redis::Context* ctx);

// WB.COPY <source> <destination> DB <n> [REPLACE]
int CopyCommand(redis::Context* ctx, const Args& args);

}  // namespace writebehind
