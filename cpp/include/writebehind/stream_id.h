// The ID of a stream entry: milliseconds and a sequence number, compared as two integers.
//
// Source: https://redis.io/docs/latest/develop/data-types/streams/#entry-ids
#pragma once

#include <charconv>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace writebehind {

struct StreamId {
  std::uint64_t ms = 0;
  std::uint64_t seq = 0;

  friend constexpr auto operator<=>(const StreamId&, const StreamId&) = default;

  // The smallest ID behind this one.
  [[nodiscard]] constexpr StreamId Next() const {
    return seq == UINT64_MAX ? StreamId{ms + 1, 0} : StreamId{ms, seq + 1};
  }

  [[nodiscard]] std::string ToString() const {
    return std::to_string(ms) + '-' + std::to_string(seq);
  }

  // "1581927201056-0", nothing else: no '+', no '-', no missing sequence.
  [[nodiscard]] static std::optional<StreamId> Parse(std::string_view text) {
    StreamId id;
    const char* end = text.data() + text.size();
    auto [dash, ms_error] = std::from_chars(text.data(), end, id.ms);
    if (ms_error != std::errc{} || dash == end || *dash != '-') return std::nullopt;
    auto [stop, seq_error] = std::from_chars(dash + 1, end, id.seq);
    if (seq_error != std::errc{} || stop != end) return std::nullopt;
    return id;
  }
};

}  // namespace writebehind
