#include "transform/same_value.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "transform/cast_parts.h"

namespace writebehind {
namespace {

std::string_view WithoutTail(std::string_view text, char tail) {
  while (!text.empty() && text.back() == tail) text.remove_suffix(1);
  return text;
}

std::string_view WithoutZeros(std::string_view number) {
  if (number.find('.') == std::string_view::npos) return number;
  number = WithoutTail(number, '0');
  return WithoutTail(number, '.');
}

std::optional<double> Double(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool SameDouble(std::string_view one, std::string_view other) {
  const auto a = Double(one);
  return a && a == Double(other);
}

bool SameJson(std::string_view one, std::string_view other) {
  const auto a = nlohmann::json::parse(one, nullptr, false);
  const auto b = nlohmann::json::parse(other, nullptr, false);
  return !a.is_discarded() && !b.is_discarded() && a == b;
}

// Longer by blanks alone, a text is cut to its column's length.
bool SameText(const ColumnType& type, std::string_view one, std::string_view other) {
  const auto longer = [&](std::string_view text) { return type.max_length > 0 && CountUtf8(text) > type.max_length; };
  if (!type.ignores_spaces && !longer(one) && !longer(other)) return false;
  return WithoutTail(one, ' ') == WithoutTail(other, ' ');
}

}  // namespace

bool SameValue(const ColumnType& type, std::string_view one, std::string_view other) {
  if (one == other) return true;
  switch (type.kind) {
    case TypeKind::kNumeric:
      if (!type.as_double) return WithoutZeros(one) == WithoutZeros(other);
      [[fallthrough]];
    case TypeKind::kFloat:
      return SameDouble(one, other);
    case TypeKind::kBytes:
      return type.pads && WithoutTail(one, '\0') == WithoutTail(other, '\0');
    case TypeKind::kText:
      return SameText(type, one, other);
    case TypeKind::kJson:
      return SameJson(one, other);
    default:
      return type.reads_numbers && SameDouble(one, other);
  }
}

}  // namespace writebehind
