// No exception may leave a function that Redis calls.
#pragma once

#include <exception>

#include "capture/redis_api.h"

namespace writebehind {

template <typename Work>
void Guarded(redis::Context* ctx, const char* where, const Work& work) noexcept {
  try {
    work();
  } catch (const std::exception& error) {
    redis::Log(ctx, "warning", "%s failed: %s", where, error.what());
  } catch (...) {
    redis::Log(ctx, "warning", "%s failed", where);
  }
}

}  // namespace writebehind
