// The names of the keys that writebehind keeps in Redis (docs/protocol.md).
#pragma once

#include <string>
#include <string_view>

namespace writebehind {

inline constexpr std::string_view kOwnPrefix = "writebehind:";
inline constexpr std::string_view kRegistryKey = "writebehind:registry";

inline bool IsOwnKey(std::string_view key) { return key.substr(0, kOwnPrefix.size()) == kOwnPrefix; }

inline std::string PipelineKey(std::string_view pipeline, std::string_view what) {
  std::string key(kOwnPrefix);
  return key.append("{").append(pipeline).append("}:").append(what);
}

// The pipeline whose `what` key this is; empty if it is none. Names hold no brace, so this can't be mistaken.
inline std::string_view PipelineOfKey(std::string_view key, std::string_view what) {
  const std::size_t open = kOwnPrefix.size();
  const std::size_t close = key.rfind('}');
  if (!IsOwnKey(key) || key.size() <= open || key[open] != '{' || close == std::string_view::npos) return {};
  if (close + 2 > key.size() || key[close + 1] != ':' || key.substr(close + 2) != what) return {};
  return key.substr(open + 1, close - open - 1);
}

// Where the answer to the writer of a change goes.
inline std::string AnswerKey(std::string_view key, std::string_view uuid) {
  return std::string("{").append(key).append("}").append(uuid);
}

// Which pipelines still have to settle a change that several captured.
inline std::string PendingKey(std::string_view key, std::string_view uuid) {
  return std::string(kOwnPrefix).append("ack:").append(AnswerKey(key, uuid));
}

}  // namespace writebehind
