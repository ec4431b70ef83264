#include "capture/redis_api.h"

namespace writebehind::redis {

const char* Resolve(Context* ctx) {
  using GetApi = int (*)(const char*, void*);
  // A context begins with the function that finds all others.
  const GetApi get = *reinterpret_cast<GetApi*>(ctx);
#define WB_RESOLVE_FUNCTION(name, result, parameters) \
  if (get("RedisModule_" #name, reinterpret_cast<void*>(&name)) != kOk || name == nullptr) return #name;
  WB_REDIS_FUNCTIONS(WB_RESOLVE_FUNCTION)
#undef WB_RESOLVE_FUNCTION
#define WB_RESOLVE_FUNCTION(name, result, parameters) \
  get("RedisModule_" #name, reinterpret_cast<void*>(&name));
  WB_REDIS_OPTIONAL_FUNCTIONS(WB_RESOLVE_FUNCTION)
#undef WB_RESOLVE_FUNCTION
  return nullptr;
}

}  // namespace writebehind::redis
