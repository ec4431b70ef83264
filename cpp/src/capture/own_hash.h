// Writes keys of writebehind's own in place, past the commands: so also where the memory is full.
#pragma once

#include <string_view>

#include "capture/handles.h"

namespace writebehind {

// The key open for writing, as a key of this type or an empty one, whatever somebody may have put in its place,
// and without a time to live. `absent`, if given: there was none.
KeyHandle OpenOwn(redis::Context* ctx, redis::String* name, int type, bool* absent = nullptr);

// A hash. What is written goes to replicas and the AOF as HSET and HDEL.
class OwnHash {
 public:
  // `name` must outlive it.
  OwnHash(redis::Context* ctx, redis::String* name) : ctx_(ctx), name_(name), key_(OpenOwn(ctx, name, redis::kHash)) {}

  void Set(std::string_view field, std::string_view value);
  void Remove(std::string_view field);

 private:
  redis::Context* ctx_;
  redis::String* name_;
  KeyHandle key_;
};

}  // namespace writebehind
