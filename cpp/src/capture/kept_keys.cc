#include "capture/kept_keys.h"

#include "capture/hash_fields.h"
#include "capture/own_hash.h"
#include "capture/own_keys.h"
#include "codec/encoder.h"
#include "codec/entry_format.h"

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
  bool complete = true;
  ForEachValue(hash, pipeline.key_fields(), [&](redis::String* field, redis::String* value) {
    complete = complete && value != nullptr;
    AppendBytes(View(field), &packed);
    if (value != nullptr) AppendBytes(View(value), &packed);
  });
  return complete ? packed : std::string();
}

std::string KeyField(std::string_view key) { return std::string("k").append(key); }
std::string RowField(std::string_view values) { return std::string("r").append(values); }
std::string ForgottenField(std::string_view key) { return std::string("f").append(key); }

// May the table have a row of a key elsewhere than its changes say, or come to have one?
bool MayStray(redis::Context* ctx, const Pipeline& pipeline) {
  if (StreamLength(ctx, pipeline.stream()) > 0) return true;
  const StringHandle strays = MakeString(PipelineKey(pipeline.name(), "strays"));
  return TypeOf(Peek(ctx, strays.get())) == redis::kHash;
}

}  // namespace

KeptKeys::KeptKeys(redis::Context* ctx, const Pipeline& pipeline, const Change& change)
    : pipeline_(pipeline), key_(change.key) {
  if (change.hash != nullptr) {
    now_ = Values(change.hash, pipeline);
    if (now_.empty()) return;
  }
  const KeyHandle kept = Peek(ctx, pipeline.keys());
  const bool is_there = TypeOf(kept) == redis::kHash;
  // In a pipeline that was not shared before, no row has an owner yet: those that are there stay.
  const bool shared = pipeline.definition().shared_rows;
  if (is_there) before_ = Get(kept.get(), KeyField(key_));
  if (is_there && shared && before_.empty()) forgotten_ = !Get(kept.get(), ForgottenField(key_)).empty();
  changes_ = now_ != before_;
  if (!changes_ && !shared) return;
  if (is_there && !before_.empty()) owner_ = Get(kept.get(), RowField(before_));
  if (!shared) {
    was_ = before_;
    return;
  }
  if (changes_) {
    was_ = owner_ == key_ ? before_ : std::string(kNoValues);
  } else if (owner_ != key_) {
    was_ = kNoValues;
  }
  if (now_.empty()) return;
  const std::string other = !changes_ ? owner_ : is_there ? Get(kept.get(), RowField(now_)) : std::string();
  takes_ = other != key_;
  if (takes_) from_ = other;
}

void KeptKeys::Save(redis::Context* ctx) const {
  if (!changes_ && !takes_ && !forgotten_) return;
  OwnHash keys(ctx, pipeline_.keys());
  if (forgotten_) keys.Remove(ForgottenField(key_));
  if (changes_) {
    if (now_.empty()) {
      keys.Remove(KeyField(key_));
    } else {
      keys.Set(KeyField(key_), now_);
    }
    // Of an earlier definition too.
    if (owner_ == key_) keys.Remove(RowField(before_));
  }
  if (takes_) keys.Set(RowField(now_), key_);
}

void KeptKeys::Forget(redis::Context* ctx, const Pipeline& pipeline, std::string_view key) {
  if (!pipeline.definition().shared_rows) return;
  std::string values;
  std::string owner;
  {
    const KeyHandle kept = Peek(ctx, pipeline.keys());
    if (TypeOf(kept) != redis::kHash) return;
    values = Get(kept.get(), KeyField(key));
    if (values.empty()) return;
    owner = Get(kept.get(), RowField(values));
  }
  OwnHash keys(ctx, pipeline.keys());
  keys.Remove(KeyField(key));
  if (owner == key) keys.Remove(RowField(values));
  if (MayStray(ctx, pipeline)) keys.Set(ForgottenField(key), "1");
}

}  // namespace writebehind
