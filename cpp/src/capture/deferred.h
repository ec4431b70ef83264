// Captures that can't be made inside their event.
//
// When Redis 7.4 and later expire a hash's fields on their own, outside of any command, nobody sends what a
// module replicates in the event `hexpired` (or the `del` behind it) to replicas and AOF, and the server
// stops at an assertion soon after. So the key is captured a moment later, as it is then.
#pragma once

#include <string_view>

#include "capture/key_set.h"
#include "capture/redis_api.h"

namespace writebehind {

class Deferred {
 public:
  static Deferred& Get();

  // The event is captured later, or not at all: the caller is done with it. True for `hexpired`, and for what
  // comes behind it until the key is captured.
  bool Takes(redis::Context* ctx, int database, std::string_view key, std::string_view event);

  // A flush deletes no row.
  void Forget(int database);
  // What is not to be captured must not be captured later either.
  void Forget(int database, std::string_view key) {
    if (!keys_.empty()) keys_.erase({database, std::string(key)});
  }
  void Swap(int first, int second);

 private:
  static void OnTimer(redis::Context* ctx, void*);
  void Arm(redis::Context* ctx, long long ms);
  void Capture(redis::Context* ctx);

  KeySet keys_;
  bool armed_ = false;
};

}  // namespace writebehind
