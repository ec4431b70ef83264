#include "transform/cast.h"

#include "transform/cast_parts.h"

namespace writebehind {
namespace {

// "5.0" and "5" are one number where the scale is free; so are fractions of a second with zeros behind.
bool HasNeedlessFraction(std::string_view text) {
  const std::size_t dot = text.find('.');
  return dot != std::string_view::npos &&
         text.find_first_not_of("0123456789", dot + 1) == std::string_view::npos && text.back() == '0';
}

std::size_t FractionDigits(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return 0;
  const std::size_t end = text.find_first_not_of("0123456789", dot + 1);
  return (end == std::string_view::npos ? text.size() : end) - dot - 1;
}

}  // namespace

std::string_view TrimSpaces(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\n\r\v\f";
  const std::size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

std::string Cast(const ColumnType& type, std::string_view text, RowArena* arena, std::string_view* out) {
  *out = text;
  switch (type.kind) {
    case TypeKind::kBoolean:
      return CastBoolean(text, out);
    case TypeKind::kInteger:
      return CastInteger(type, text, arena, out);
    case TypeKind::kNumeric:
      return CastNumeric(type, text, arena, out);
    case TypeKind::kFloat:
      return CastFloat(type, text, arena, out);
    case TypeKind::kText:
      return CastText(type, text, out);
    case TypeKind::kBytes:
      return CastBytes(type, text, out);
    case TypeKind::kDate:
      return CastDate(type, text, arena, out);
    case TypeKind::kTime:
      return CastTime(type, text, arena, out);
    case TypeKind::kTimestamp:
      return CastTimestamp(type, text, arena, out);
    case TypeKind::kUuid:
      return CastUuid(text, arena, out);
    case TypeKind::kJson:
      return CastJson(type, text, out);
    case TypeKind::kEnum:
      return CastEnum(type, text, arena, out);
    case TypeKind::kOther:
      return CastOther(type, text, out);
  }
  return "unknown type";
}

bool IsCanonicalKey(const ColumnType& type, std::string_view text, std::string_view canonical) {
  if (text != canonical) return false;
  switch (type.kind) {
    case TypeKind::kNumeric:
      return type.precision > 0 || !HasNeedlessFraction(text);
    case TypeKind::kFloat:
      return text != "-0";
    case TypeKind::kBytes:
      return !type.pads || text.size() == type.max_length;
    case TypeKind::kTime:
    case TypeKind::kTimestamp:
      // Without a zone it is what the session's zone makes of it.
      if (type.with_zone && text.find(':') != std::string_view::npos && !text.ends_with("+00:00"))
        return false;
      return FractionDigits(text) <= static_cast<std::size_t>(type.scale) && !HasNeedlessFraction(text);
    case TypeKind::kText:
    case TypeKind::kOther:
      return !type.ignores_spaces || text.empty() || text.back() != ' ';
    default:
      return true;
  }
}

}  // namespace writebehind
