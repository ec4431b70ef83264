#include "capture/own_hash.h"

namespace writebehind {

KeyHandle OpenOwn(redis::Context* ctx, redis::String* name, int type, bool* absent) {
  KeyHandle key = OpenForWrite(ctx, name);
  const int found = TypeOf(key);
  if (absent != nullptr) *absent = found == redis::kEmpty;
  if (found != redis::kEmpty && found != type) {
    redis::DeleteKey(key.get());
    redis::Replicate(ctx, "DEL", "s", name);
  }
  if (redis::GetExpire(key.get()) != redis::kNoExpire) {
    redis::SetExpire(key.get(), redis::kNoExpire);
    redis::Replicate(ctx, "PERSIST", "s", name);
  }
  return key;
}

void OwnHash::Set(std::string_view field, std::string_view value) {
  const StringHandle name = MakeString(field);
  const StringHandle text = MakeString(value);
  redis::HashSet(key_.get(), 0, name.get(), text.get(), nullptr);
  redis::Replicate(ctx_, "HSET", "sss", name_, name.get(), text.get());
}

void OwnHash::Remove(std::string_view field) {
  const StringHandle name = MakeString(field);
  if (redis::HashSet(key_.get(), 0, name.get(), redis::kHashDelete, nullptr) == 0) return;
  redis::Replicate(ctx_, "HDEL", "ss", name_, name.get());
}

}  // namespace writebehind
