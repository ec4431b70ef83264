// WB.HSET and WB.HMSET: HSET and HMSET with a `#` field that says what to do with the change.
#pragma once

#include "capture/args.h"

namespace writebehind {

inline constexpr char kHsetCommand[] = "WB.HSET";
inline constexpr char kHmsetCommand[] = "WB.HMSET";

// The field that is never stored.
inline constexpr std::string_view kOperationField = "#";

int HsetCommand(redis::Context* ctx, const Args& args);
int HmsetCommand(redis::Context* ctx, const Args& args);

}  // namespace writebehind
