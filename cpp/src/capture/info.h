// The section `writebehind` of INFO.
#pragma once

#include "capture/redis_api.h"

namespace writebehind {

bool RegisterInfo(redis::Context* ctx);
void ReleaseInfo();

}  // namespace writebehind
