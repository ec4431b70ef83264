#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "transform/cast_parts.h"

namespace writebehind {
namespace {

// Length of the UTF-8 sequence that `p` starts, 0 where it is none. `left` bytes are there, at least one.
std::size_t SequenceLength(const unsigned char* p, std::size_t left) {
  auto tail = [&](std::size_t i) { return (p[i] & 0xC0U) == 0x80U; };
  if (p[0] < 0x80) return 1;
  if (p[0] >= 0xC2 && p[0] <= 0xDF) return left >= 2 && tail(1) ? 2 : 0;
  if ((p[0] & 0xF0U) == 0xE0U) {
    if (left < 3 || !tail(1) || !tail(2)) return 0;
    if (p[0] == 0xE0 && p[1] < 0xA0) return 0;   // overlong
    if (p[0] == 0xED && p[1] >= 0xA0) return 0;  // surrogates
    return 3;
  }
  if (p[0] >= 0xF0 && p[0] <= 0xF4) {
    if (left < 4 || !tail(1) || !tail(2) || !tail(3)) return 0;
    if (p[0] == 0xF0 && p[1] < 0x90) return 0;   // overlong
    if (p[0] == 0xF4 && p[1] >= 0x90) return 0;  // above U+10FFFF
    return 4;
  }
  return 0;
}

std::string CheckEncoding(const ColumnType& type, std::string_view text, std::uint64_t* characters) {
  const std::optional<std::uint64_t> count = CountUtf8(text);
  if (!count) return "not valid UTF-8";
  if (!type.allows_nul && std::memchr(text.data(), 0, text.size()) != nullptr) return "holds a NUL byte";
  *characters = *count;
  return {};
}

// A text that a numeric affinity would store as another text: "007", "1.50", "1e3". One that a number is
// written as stays the same: "7", "1.5"; only those count that any version of the database writes so.
bool ReadsAsAnotherNumber(std::string_view text) {
  std::string_view number = TrimSpaces(text);
  if (!number.empty() && number.front() == '+') number.remove_prefix(1);
  double value = 0;
  const char* end = number.data() + number.size();
  const auto [stop, error] = std::from_chars(number.data(), end, value);
  if (number.empty() || stop != end || number.find_first_of("iInN") != std::string_view::npos) return false;
  if (error == std::errc::invalid_argument) return false;
  std::int64_t integer = 0;
  const auto whole = std::from_chars(text.data(), text.data() + text.size(), integer);
  if (whole.ec == std::errc{} && std::to_string(integer) == text) return false;
  constexpr std::size_t kMostCharacters = 16;
  constexpr double kLeast = 1e-4;  // smaller ones are written with an exponent
  std::array<char, kMostCharacters> buffer{};
  const auto fixed =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  const std::string_view shortest(buffer.data(), static_cast<std::size_t>(fixed.ptr - buffer.data()));
  const bool has_point = text.find('.') != std::string_view::npos;
  return fixed.ec != std::errc{} || !has_point || shortest != text || std::abs(value) < kLeast;
}

constexpr char kStoredAsNumber[] = "a column of this type would store it as a number, written otherwise";

std::optional<std::size_t> FindLabel(const ColumnType& type, std::string_view text) {
  std::optional<std::size_t> folded;
  for (std::size_t i = 0; i < type.labels.size(); ++i) {
    if (type.labels[i] == text) return i;
    if (type.case_insensitive && !folded && EqualIgnoringCase(type.labels[i], text)) folded = i;
  }
  return folded;
}

// "c,a" is written as "a,c". A number, which MySQL takes for the bits of a set, is none of its labels.
std::string CastSet(const ColumnType& type, std::string_view text, RowArena* arena, std::string_view* out) {
  std::vector<bool> chosen(type.labels.size());
  for (std::string_view rest = text; !text.empty();) {
    const std::size_t comma = rest.find(',');
    const std::optional<std::size_t> label = FindLabel(type, rest.substr(0, comma));
    if (!label) return "not labels of the set, with commas between them";
    chosen[*label] = true;
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  std::string written;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (chosen[i]) written.append(written.empty() ? "" : ",").append(type.labels[i]);
  }
  *out = written == text ? text : arena->Keep(written);
  return {};
}

}  // namespace

std::optional<std::uint64_t> CountUtf8(std::string_view text) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080U;
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t left = text.size();
  std::uint64_t count = 0;
  while (left > 0) {
    std::uint64_t word = 0;
    if (left >= sizeof word) {
      std::memcpy(&word, p, sizeof word);
      if ((word & kHighBits) == 0) {  // eight ASCII characters at once: nearly all text is
        p += sizeof word;
        left -= sizeof word;
        count += sizeof word;
        continue;
      }
    }
    const std::size_t length = SequenceLength(p, left);
    if (length == 0) return std::nullopt;
    p += length;
    left -= length;
    ++count;
  }
  return count;
}

std::string CastText(const ColumnType& type, std::string_view text, std::string_view* out) {
  std::uint64_t characters = 0;
  std::string refused = CheckEncoding(type, text, &characters);
  if (!refused.empty()) return refused;
  *out = text;
  if (type.max_length != 0 && characters > type.max_length) {
    // Databases cut spaces off the end without a word.
    const std::size_t last = text.find_last_not_of(' ');
    const std::string_view kept = text.substr(0, last == std::string_view::npos ? 0 : last + 1);
    if (CountUtf8(kept).value_or(characters) > type.max_length) {
      return "longer than " + std::to_string(type.max_length) + " characters";
    }
  }
  if (type.max_bytes != 0 && text.size() > type.max_bytes) {
    return "longer than " + std::to_string(type.max_bytes) + " bytes";
  }
  return {};
}

std::string CastBytes(const ColumnType& type, std::string_view text, std::string_view* out) {
  *out = text;
  if (type.max_length == 0 || text.size() <= type.max_length) return {};
  return "longer than " + std::to_string(type.max_length) + " bytes";
}

std::string CastUuid(std::string_view text, RowArena* arena, std::string_view* out) {
  std::string_view inner = TrimSpaces(text);
  if (inner.size() >= 2 && inner.front() == '{' && inner.back() == '}')
    inner = inner.substr(1, inner.size() - 2);
  std::array<char, 36> canonical{};
  std::size_t digits = 0;
  std::size_t at = 0;
  for (char c : inner) {
    if (c == '-') {
      if (digits == 0 || digits % 4 != 0 || digits == 32) return "not a UUID";
      continue;
    }
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c + ('a' - 'A'));
    if (!IsDigit(c) && (c < 'a' || c > 'f')) return "not a UUID";
    if (digits == 32) return "not a UUID";
    if (digits == 8 || digits == 12 || digits == 16 || digits == 20) canonical[at++] = '-';
    canonical[at++] = c;
    ++digits;
  }
  if (digits != 32) return text.empty() ? "empty, not a UUID" : "not a UUID";
  const std::string_view written(canonical.data(), canonical.size());
  *out = written == text ? text : arena->Keep(written);
  return {};
}

std::string CastJson(const ColumnType& type, std::string_view text, std::string_view* out) {
  *out = text;
  if (text.empty()) return "empty, not JSON";
  if (!nlohmann::json::accept(text)) return "not valid JSON";
  return type.reads_numbers && ReadsAsAnotherNumber(text) ? kStoredAsNumber : "";
}

std::string CastEnum(const ColumnType& type, std::string_view text, RowArena* arena, std::string_view* out) {
  if (type.is_set) return CastSet(type, text, arena, out);
  const std::optional<std::size_t> label = FindLabel(type, text);
  if (!label) return "not one of the enumeration's labels";
  *out = type.labels[*label];  // the plan keeps it, longer than the row
  return {};
}

std::string CastOther(const ColumnType& type, std::string_view text, std::string_view* out) {
  *out = text;
  std::uint64_t characters = 0;
  std::string refused = CheckEncoding(type, text, &characters);
  if (type.refuses_empty && TrimSpaces(text).empty()) return "empty, not a value of the type";
  if (refused.empty() && type.reads_numbers && ReadsAsAnotherNumber(text)) {
    return kStoredAsNumber;
  }
  return refused;
}

}  // namespace writebehind
