// What COMMAND DOCS and COMMAND GETKEYS tell of the module's commands.
#pragma once

#include "capture/redis_api.h"

namespace writebehind {

bool Document(redis::Context* ctx, const char* command);

}  // namespace writebehind
