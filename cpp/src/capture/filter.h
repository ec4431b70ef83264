// Hands HSET and HMSET with a `#` field on a captured key to WB.HSET and WB.HMSET.
#pragma once

#include "capture/redis_api.h"

namespace writebehind {

bool RegisterFilter(redis::Context* ctx);

}  // namespace writebehind
