// WB.HSET and WB.HMSET: HSET and HMSET with a `#` field that says what to do with the change.
#pragma once

#include "capture/args.h"
#include "capture/operation.h"

namespace writebehind {

inline constexpr char kHsetCommand[] = "WB.HSET";
inline constexpr char kHmsetCommand[] = "WB.HMSET";

int HsetCommand(redis::Context* ctx, const Args& args);
int HmsetCommand(redis::Context* ctx, const Args& args);

}  // namespace writebehind
