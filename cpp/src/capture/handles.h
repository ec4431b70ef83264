// Owners for what the module API hands out, and small conversions.
#pragma once

#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "capture/redis_api.h"

namespace writebehind {

struct RedisDeleter {
  void operator()(redis::String* string) const { redis::FreeString(nullptr, string); }
  void operator()(redis::Key* key) const { redis::CloseKey(key); }
  void operator()(redis::Reply* reply) const { redis::FreeCallReply(reply); }
  void operator()(redis::ScanCursor* cursor) const { redis::ScanCursorDestroy(cursor); }
};

using StringHandle = std::unique_ptr<redis::String, RedisDeleter>;
using KeyHandle = std::unique_ptr<redis::Key, RedisDeleter>;
using ReplyHandle = std::unique_ptr<redis::Reply, RedisDeleter>;
using CursorHandle = std::unique_ptr<redis::ScanCursor, RedisDeleter>;

// Valid as long as the string is neither changed nor freed.
inline std::string_view View(const redis::String* string) {
  std::size_t length = 0;
  const char* data = redis::StringPtrLen(string, &length);
  return {data, length};
}

inline StringHandle MakeString(std::string_view text) {
  return StringHandle(redis::CreateString(nullptr, text.data(), text.size()));
}

// Opens a key for reading, unseen: no access time, no hit or miss, no keymiss event where the server allows
// it. Null if there is no such key.
inline KeyHandle Peek(redis::Context* ctx, redis::String* key) {
  return KeyHandle(
      redis::OpenKey(ctx, key, redis::kRead | redis::kNoTouch | redis::kNoNotify | redis::kNoStats));
}

inline KeyHandle OpenForWrite(redis::Context* ctx, redis::String* key) {
  return KeyHandle(redis::OpenKey(ctx, key, redis::kRead | redis::kWrite));
}

inline int TypeOf(const KeyHandle& key) { return key ? redis::KeyType(key.get()) : redis::kEmpty; }

// "<ms>-<seq>" with a terminating zero, without allocating.
struct StreamIdText {
  explicit StreamIdText(redis::StreamId id) {
    char* const end = text + sizeof text - 1;
    char* at = std::to_chars(text, end, id.ms).ptr;
    *at++ = '-';
    at = std::to_chars(at, end, id.seq).ptr;
    *at = '\0';
    size = static_cast<std::size_t>(at - text);
  }
  [[nodiscard]] std::string_view view() const { return {text, size}; }

  char text[48];
  std::size_t size = 0;
};

template <typename Number>
std::optional<Number> ParseNumber(std::string_view text, int base = 10) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// "<ms>-<seq>" or "<ms>".
inline std::optional<redis::StreamId> ParseStreamId(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto ms = ParseNumber<std::uint64_t>(text.substr(0, dash));
  const auto seq =
      dash == std::string_view::npos ? std::uint64_t{0} : ParseNumber<std::uint64_t>(text.substr(dash + 1));
  if (!ms || !seq) return std::nullopt;
  return redis::StreamId{*ms, *seq};
}

}  // namespace writebehind
