#include "capture/kept_keys.h"

#include "codec/encoder.h"

namespace writebehind {
namespace {

std::string Get(redis::Key* hash, std::string_view field) {
  const StringHandle name = MakeString(field);
  redis::String* value = nullptr;
  redis::HashGet(hash, 0, name.get(), &value, nullptr);
  if (value == nullptr) return {};
  const StringHandle owner(value);
  return std::string(View(value));
}

// The values of the key columns' fields; empty: the hash lacks one.
std::string Values(redis::Key* hash, const Pipeline& pipeline) {
  std::string packed;
  AppendVarint(pipeline.key_fields().size(), &packed);
  for (const StringHandle& field : pipeline.key_fields()) {
    redis::String* value = nullptr;
    redis::HashGet(hash, 0, field.get(), &value, nullptr);
    if (value == nullptr) return {};
    const StringHandle owner(value);
    AppendBytes(View(field.get()), &packed);
    AppendBytes(View(value), &packed);
  }
  return packed;
}

std::string RowField(std::string_view values) { return std::string("r").append(values); }

std::uint64_t Count(std::string_view text) { return ParseNumber<std::uint64_t>(text).value_or(0); }

// The hash, whatever somebody may have put in its place, for as long as the pipeline lives.
class Writer {
 public:
  Writer(redis::Context* ctx, redis::String* name) : ctx_(ctx), name_(name), key_(OpenForWrite(ctx, name)) {
    const int type = TypeOf(key_);
    if (type != redis::kEmpty && type != redis::kHash) {
      redis::DeleteKey(key_.get());
      redis::Replicate(ctx, "DEL", "s", name);
    }
    if (redis::GetExpire(key_.get()) != redis::kNoExpire) {
      redis::SetExpire(key_.get(), redis::kNoExpire);
      redis::Replicate(ctx, "PERSIST", "s", name);
    }
  }

  [[nodiscard]] redis::Key* key() const { return key_.get(); }

  void Set(std::string_view field, std::string_view value) {
    const StringHandle name = MakeString(field);
    const StringHandle text = MakeString(value);
    redis::HashSet(key_.get(), 0, name.get(), text.get(), nullptr);
    redis::Replicate(ctx_, "HSET", "sss", name_, name.get(), text.get());
  }

  void Remove(std::string_view field) {
    const StringHandle name = MakeString(field);
    redis::HashSet(key_.get(), 0, name.get(), redis::kHashDelete, nullptr);
    redis::Replicate(ctx_, "HDEL", "ss", name_, name.get());
  }

 private:
  redis::Context* ctx_;
  redis::String* name_;
  KeyHandle key_;
};

}  // namespace

KeptKeys::KeptKeys(redis::Context* ctx, const Pipeline& pipeline, const Change& change)
    : pipeline_(pipeline), field_(std::string("k").append(change.key)) {
  if (change.hash != nullptr) {
    now_ = Values(change.hash, pipeline);
    if (now_.empty()) return;
  }
  const KeyHandle kept = Peek(ctx, pipeline.keys());
  if (TypeOf(kept) == redis::kHash) before_ = Get(kept.get(), field_);
  changes_ = now_ != before_;
  if (!changes_ || before_.empty()) return;
  holders_ = Count(Get(kept.get(), RowField(before_)));
  leaves_row_ = !pipeline.definition().shared_rows || holders_ <= 1;
}

void KeptKeys::Save(redis::Context* ctx) const {
  if (!changes_) return;
  Writer keys(ctx, pipeline_.keys());
  if (now_.empty()) {
    keys.Remove(field_);
  } else {
    keys.Set(field_, now_);
    if (pipeline_.definition().shared_rows) {
      const std::string row = RowField(now_);
      keys.Set(row, std::to_string(Count(Get(keys.key(), row)) + 1));
    }
  }
  // Counted by an earlier definition too.
  if (holders_ > 1) {
    keys.Set(RowField(before_), std::to_string(holders_ - 1));
  } else if (holders_ == 1) {
    keys.Remove(RowField(before_));
  }
}

}  // namespace writebehind
