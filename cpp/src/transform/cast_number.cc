#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "transform/cast_parts.h"

namespace writebehind {
namespace {

constexpr int kMaxIntegerDigits = 131072;  // of a numeric without a precision, where it has the most room
constexpr int kMaxFractionDigits = 16383;

std::optional<bool> BooleanWord(std::string_view text) {
  static constexpr std::array<std::string_view, 5> kTrue = {"true", "t", "yes", "y", "on"};
  static constexpr std::array<std::string_view, 5> kFalse = {"false", "f", "no", "n", "off"};
  for (std::string_view word : kTrue) {
    if (EqualIgnoringCase(text, word)) return true;
  }
  for (std::string_view word : kFalse) {
    if (EqualIgnoringCase(text, word)) return false;
  }
  return std::nullopt;
}

// [sign] digits [. digits] [e [sign] digits], at least one digit before the exponent.
struct Decimal {
  bool negative = false;
  std::string_view whole;     // without leading zeros
  std::string_view fraction;  // as written
  int exponent = 0;
};

bool TakeExponent(std::string_view text, int* exponent) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return false;
  }
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, *exponent);
  if (stop != end || text.empty()) return false;
  // Far beyond every limit either way; the limits refuse it or it is zero.
  if (error == std::errc::result_out_of_range) *exponent = text.front() == '-' ? -1000000 : 1000000;
  if (*exponent > 1000000) *exponent = 1000000;
  if (*exponent < -1000000) *exponent = -1000000;
  return error == std::errc{} || error == std::errc::result_out_of_range;
}

std::string_view TakeDigits(std::string_view* text) {
  std::size_t n = 0;
  while (n < text->size() && IsDigit((*text)[n])) ++n;
  const std::string_view digits = text->substr(0, n);
  text->remove_prefix(n);
  return digits;
}

bool ParseDecimal(std::string_view text, Decimal* out) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    out->negative = text.front() == '-';
    text.remove_prefix(1);
  }
  out->whole = TakeDigits(&text);
  const bool has_whole = !out->whole.empty();
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    out->fraction = TakeDigits(&text);
  }
  if (!has_whole && out->fraction.empty()) return false;
  while (!out->whole.empty() && out->whole.front() == '0') out->whole.remove_prefix(1);
  if (text.empty()) return true;
  return (text.front() == 'e' || text.front() == 'E') && TakeExponent(text.substr(1), &out->exponent);
}

// Digits d1 d2 d3 …, the point behind the first `point` of them: 0.d1d2d3 x 10^point. d1 is never 0.
struct Digits {
  std::string digits;
  int point = 0;
};

Digits Normalize(const Decimal& decimal) {
  Digits out;
  out.digits.append(decimal.whole).append(decimal.fraction);
  out.point = static_cast<int>(decimal.whole.size()) + decimal.exponent;
  const std::size_t zeros = std::min(out.digits.find_first_not_of('0'), out.digits.size());
  out.digits.erase(0, zeros);
  out.point -= static_cast<int>(zeros);
  return out;
}

// Cuts to `keep` digits, half rounded away from zero; a carry out of the first digit moves the point.
void Round(Digits* number, int keep) {
  const auto size = static_cast<std::size_t>(std::max(keep, 0));
  if (size >= number->digits.size()) return;
  bool carry = keep >= 0 && number->digits[size] >= '5';
  number->digits.resize(size);
  for (std::size_t i = size; carry && i-- > 0;) {
    carry = number->digits[i] == '9';
    number->digits[i] = carry ? '0' : static_cast<char>(number->digits[i] + 1);
  }
  if (carry) {
    number->digits.insert(0, 1, '1');
    ++number->point;
  }
}

// Plain digits with `scale` of them behind the point.
std::string Print(const Digits& number, bool negative, int scale) {
  std::string digits = number.digits;
  if (number.point < 0) digits.insert(0, static_cast<std::size_t>(-number.point), '0');
  const auto whole = static_cast<std::size_t>(std::max(number.point, 0));
  digits.resize(whole + static_cast<std::size_t>(scale), '0');
  std::string text;
  if (negative && digits.find_first_not_of('0') != std::string::npos) text = "-";
  text += whole == 0 ? "0" : digits.substr(0, whole);
  if (scale > 0) text.append(".").append(digits, whole);
  return text;
}

// What is left of a number, `text`, that is kept as a 64-bit integer or else as a double. A fraction is
// rounded, as it is to a scale; digits before the point are not.
std::string ToDouble(const std::string& text, Digits* number, int* scale) {
  const char* end = text.data() + text.size();
  std::int64_t integer = 0;
  const auto whole = std::from_chars(text.data(), end, integer);
  if (whole.ec == std::errc{} && whole.ptr == end) return {};
  double value = 0;
  if (std::from_chars(text.data(), end, value).ec != std::errc{}) return "out of range";
  std::array<char, 64> buffer{};
  const auto written =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
  Decimal shortest;
  ParseDecimal({buffer.data(), static_cast<std::size_t>(written.ptr - buffer.data())}, &shortest);
  Digits kept = Normalize(shortest);
  auto trim = [](std::string* digits) { digits->erase(digits->find_last_not_of('0') + 1); };
  trim(&kept.digits);
  std::string given = number->digits;
  trim(&given);
  constexpr int kExactDigits = 15;  // that any double keeps
  if (number->point > kExactDigits && given != kept.digits) return "more digits than the column keeps";
  *number = kept.digits.empty() ? Digits{"", 0} : kept;
  *scale = std::max(0, static_cast<int>(number->digits.size()) - number->point);
  return {};
}

std::string SpecialNumber(const ColumnType& type, std::string_view text, std::string_view* out,
                          bool* special) {
  *special = true;
  const bool negative = !text.empty() && text.front() == '-';
  std::string_view word = text;
  if (!word.empty() && (word.front() == '-' || word.front() == '+')) word.remove_prefix(1);
  if (EqualIgnoringCase(word, "nan") && word.size() == text.size()) {
    *out = "NaN";
    return type.allows_nan ? "" : "the column has no NaN";
  }
  if (EqualIgnoringCase(word, "inf") || EqualIgnoringCase(word, "infinity")) {
    *out = negative ? "-Infinity" : "Infinity";
    return type.allows_infinity ? "" : "the column has no infinity";
  }
  *special = false;
  return {};
}

template <typename T>
std::string ReadFloat(const ColumnType& type, std::string_view text, RowArena* arena, std::string_view* out) {
  T value{};
  std::string_view digits = text;
  if (digits.front() == '+') digits.remove_prefix(1);
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (stop != end || error == std::errc::invalid_argument) return "not a number";
  if (error == std::errc::result_out_of_range) return "out of range";
  if (type.is_unsigned && std::signbit(value) && value != 0) return "negative in an unsigned column";
  std::array<char, 64> buffer{};
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  const std::string_view shortest(buffer.data(), static_cast<std::size_t>(written.ptr - buffer.data()));
  *out = shortest == text ? text : arena->Keep(shortest);
  return {};
}

}  // namespace

std::string CastBoolean(std::string_view text, std::string_view* out) {
  text = TrimSpaces(text);
  if (text == "1" || text == "0") {
    *out = text;
    return {};
  }
  const std::optional<bool> word = BooleanWord(text);
  if (!word) return text.empty() ? "empty, not a boolean" : "not a boolean";
  *out = *word ? "1" : "0";
  return {};
}

std::string CastInteger(const ColumnType& type, std::string_view text, RowArena* arena,
                        std::string_view* out) {
  text = TrimSpaces(text);
  if (text.empty()) return "empty, not an integer";
  if (type.boolean_words) {
    if (const std::optional<bool> word = BooleanWord(text)) {
      *out = *word ? "1" : "0";
      return {};
    }
  }
  const bool negative = text.front() == '-';
  std::string_view digits = text.substr(negative || text.front() == '+' ? 1 : 0);
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos)
    return "not an integer";
  while (digits.size() > 1 && digits.front() == '0') digits.remove_prefix(1);

  std::uint64_t value = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  if (type.bits < 64) most = (std::uint64_t{1} << static_cast<unsigned>(type.bits)) - 1;
  if (!type.is_unsigned) most = most / 2 + (negative ? 1 : 0);
  if (type.is_unsigned && negative) most = 0;
  if (parsed.ec != std::errc{} || value > most) return "out of range";
  if (type.is_year && value != 0 && (value < 1901 || value > 2155)) return "not a year from 1901 to 2155";

  if (!negative || value == 0) {
    *out = digits;
  } else if (digits.size() + 1 == text.size()) {
    *out = text;
  } else {
    *out = arena->Keep("-" + std::string(digits));
  }
  return {};
}

std::string CastNumeric(const ColumnType& type, std::string_view text, RowArena* arena,
                        std::string_view* out) {
  text = TrimSpaces(text);
  if (text.empty()) return "empty, not a number";
  bool special = false;
  std::string refused = SpecialNumber(type, text, out, &special);
  if (special) return refused;
  Decimal decimal;
  if (!ParseDecimal(text, &decimal)) return "not a number";

  const Digits exact = Normalize(decimal);
  const bool zero = exact.digits.empty();
  if (type.is_unsigned && decimal.negative && !zero) return "negative in an unsigned column";
  Digits number = zero ? Digits{"", 0} : exact;
  int scale = type.scale;
  if (type.precision > 0) {
    if (number.point > type.precision - scale) return "out of range";
    Round(&number, number.point + scale);
    if (!number.digits.empty() && number.point > type.precision - scale) return "out of range";
    if (number.digits.empty()) number.point = 0;
    if (number.point < -scale) number.point = -scale;
  } else {
    scale = static_cast<int>(decimal.fraction.size()) - decimal.exponent;
    scale = std::max(scale, 0);
    if (number.point > kMaxIntegerDigits || scale > kMaxFractionDigits) return "out of range";
  }
  if (type.as_double) {
    std::string refused_digits = ToDouble(Print(number, decimal.negative, scale), &number, &scale);
    if (!refused_digits.empty()) return refused_digits;
  }
  const std::string printed = Print(number, decimal.negative, scale);
  *out = printed == text ? text : arena->Keep(printed);
  return {};
}

std::string CastFloat(const ColumnType& type, std::string_view text, RowArena* arena, std::string_view* out) {
  text = TrimSpaces(text);
  if (text.empty()) return "empty, not a number";
  bool special = false;
  std::string refused = SpecialNumber(type, text, out, &special);
  if (special) return refused;
  Decimal decimal;
  if (!ParseDecimal(text, &decimal)) return "not a number";  // std::from_chars alone takes "nan(1)" too
  return type.bits == 32 ? ReadFloat<float>(type, text, arena, out)
                         : ReadFloat<double>(type, text, arena, out);
}

}  // namespace writebehind
