#include <algorithm>
#include <chrono>
#include <cstdio>

#include "transform/cast_parts.h"

namespace writebehind {
namespace {

struct Clock {
  bool negative = false;
  int hours = 0;
  int minutes = 0;
  int seconds = 0;
  std::string_view fraction;  // digits behind the point
};

struct Zone {
  bool given = false;
  std::chrono::seconds offset{0};
};

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  [[nodiscard]] bool done() const { return text_.empty(); }
  [[nodiscard]] char peek() const { return text_.empty() ? '\0' : text_.front(); }

  bool Take(char c) {
    if (peek() != c) return false;
    text_.remove_prefix(1);
    return true;
  }

  bool TakeAny(std::string_view choices) {
    if (done() || choices.find(peek()) == std::string_view::npos) return false;
    text_.remove_prefix(1);
    return true;
  }

  // A number of at least `least` and at most `most` digits.
  bool Number(std::size_t least, std::size_t most, int* value) {
    const std::string_view digits = Digits(most);
    if (digits.size() < least) return false;
    *value = 0;
    for (char c : digits) *value = *value * 10 + (c - '0');
    return true;
  }

  std::string_view Digits(std::size_t most) {
    std::size_t n = 0;
    while (n < text_.size() && n < most && IsDigit(text_[n])) ++n;
    const std::string_view digits = text_.substr(0, n);
    text_.remove_prefix(n);
    return digits;
  }

 private:
  std::string_view text_;
};

// YYYY-MM-DD or YYYYMMDD; nothing where that day is none.
bool ScanDate(Scanner* in, const ColumnType& type, std::chrono::year_month_day* date) {
  int year = 0;
  int month = 0;
  int day = 0;
  Scanner compact = *in;
  if (compact.Digits(9).size() == 8) {
    if (!in->Number(4, 4, &year) || !in->Number(2, 2, &month) || !in->Number(2, 2, &day)) return false;
  } else {
    const std::size_t most = type.max_year > 9999 ? 6 : 4;
    if (!in->Number(4, most, &year) || !in->Take('-') || !in->Number(1, 2, &month) || !in->Take('-') ||
        !in->Number(1, 2, &day)) {
      return false;
    }
  }
  // std::chrono's years end at 32767; calendars repeat every 400 years, so a later day is checked there.
  const int checked = year > 9999 ? 2000 + year % 400 : year;
  *date = std::chrono::year(checked) / month / day;
  if (!date->ok() || year < 1 || year > type.max_year) return false;
  if (year <= 32767) *date = std::chrono::year(year) / month / day;
  return year <= 32767;
}

bool ScanClock(Scanner* in, Clock* clock) {
  if (!in->Number(1, 3, &clock->hours) || !in->Take(':') || !in->Number(2, 2, &clock->minutes)) return false;
  if (in->Take(':')) {
    if (!in->Number(2, 2, &clock->seconds)) return false;
    if (in->Take('.')) {
      clock->fraction = in->Digits(18);
      if (clock->fraction.empty()) return false;
    }
  }
  return clock->minutes < 60 && clock->seconds < 60;
}

// Nothing, Z, +02, +0200, +02:00 or +02:00:30, a space before it or not.
bool ScanZone(Scanner* in, Zone* zone) {
  if (in->done()) return true;
  zone->given = true;
  in->Take(' ');
  if (in->TakeAny("Zz")) return true;
  const bool negative = in->peek() == '-';
  if (!in->TakeAny("+-")) return false;
  int hours = 0;
  int minutes = 0;
  int seconds = 0;
  if (!in->Number(2, 2, &hours)) return false;
  if (in->Take(':') || IsDigit(in->peek())) {
    if (!in->Number(2, 2, &minutes)) return false;
    if (in->Take(':') && !in->Number(2, 2, &seconds)) return false;
  }
  zone->offset = std::chrono::hours(hours) + std::chrono::minutes(minutes) + std::chrono::seconds(seconds);
  if (negative) zone->offset = -zone->offset;
  return hours < 16 && minutes < 60 && seconds < 60;
}

std::string_view KeepUnlessEqual(std::string_view written, std::string_view text, RowArena* arena) {
  return written == text ? text : arena->Keep(written);
}

void AppendDate(const std::chrono::year_month_day& date, std::string* out) {
  char buffer[32];
  const int n = std::snprintf(buffer, sizeof buffer, "%04d-%02u-%02u", static_cast<int>(date.year()),
                              static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  out->append(buffer, static_cast<std::size_t>(n));
}

void AppendClock(const Clock& clock, std::string* out) {
  char buffer[48];
  const int n = std::snprintf(buffer, sizeof buffer, "%s%02d:%02d:%02d", clock.negative ? "-" : "",
                              clock.hours, clock.minutes, clock.seconds);
  out->append(buffer, static_cast<std::size_t>(n));
  if (!clock.fraction.empty()) out->append(".").append(clock.fraction);
}

// Moves a local time by its zone's offset to UTC.
void ToUtc(const Zone& zone, std::chrono::year_month_day* date, Clock* clock) {
  using std::chrono::days;
  using std::chrono::floor;
  const auto instant = std::chrono::sys_days(*date) + std::chrono::hours(clock->hours) +
                       std::chrono::minutes(clock->minutes) + std::chrono::seconds(clock->seconds) -
                       zone.offset;
  const auto day = floor<days>(instant);
  *date = std::chrono::year_month_day(day);
  const auto left = static_cast<int>(std::chrono::duration_cast<std::chrono::seconds>(instant - day).count());
  clock->hours = left / 3600;
  clock->minutes = left / 60 % 60;
  clock->seconds = left % 60;
}

bool IsInfinity(const ColumnType& type, std::string_view text, std::string_view* out) {
  if (!type.allows_infinity) return false;
  if (EqualIgnoringCase(text, "infinity")) *out = "infinity";
  if (EqualIgnoringCase(text, "-infinity")) *out = "-infinity";
  return out->ends_with("infinity");
}

// Date, then perhaps a clock, then perhaps a zone: what both dates and timestamps are read from.
bool ScanTimestamp(const ColumnType& type, std::string_view text, std::chrono::year_month_day* date,
                   Clock* clock, Zone* zone) {
  Scanner in(text);
  if (!ScanDate(&in, type, date)) return false;
  if (in.done()) return true;
  if (!in.TakeAny("Tt ") || !ScanClock(&in, clock) || !ScanZone(&in, zone)) return false;
  return in.done() && clock->hours < 24;
}

}  // namespace

std::string CastDate(const ColumnType& type, std::string_view text, RowArena* arena, std::string_view* out) {
  const std::string_view trimmed = TrimSpaces(text);
  if (trimmed.empty()) return "empty, not a date";
  if (IsInfinity(type, trimmed, out)) return {};
  std::chrono::year_month_day date;
  Clock clock;
  Zone zone;
  if (!ScanTimestamp(type, trimmed, &date, &clock, &zone)) return "not an ISO 8601 date";
  std::string written;
  AppendDate(date, &written);
  *out = KeepUnlessEqual(written, text, arena);
  return {};
}

std::string CastTime(const ColumnType& type, std::string_view text, RowArena* arena, std::string_view* out) {
  const std::string_view trimmed = TrimSpaces(text);
  if (trimmed.empty()) return "empty, not a time";
  Clock clock;
  Scanner in(trimmed);
  clock.negative = type.max_hours > 24 && in.Take('-');
  if (!ScanClock(&in, &clock) || !in.done()) return "not an ISO 8601 time";
  const bool end_of_day = clock.hours == 24 && clock.minutes == 0 && clock.seconds == 0 &&
                          clock.fraction.find_first_not_of('0') == std::string_view::npos;
  if (type.max_hours == 24 ? clock.hours >= 24 && !end_of_day : clock.hours > type.max_hours)
    return "out of range";
  std::string written;
  AppendClock(clock, &written);
  *out = KeepUnlessEqual(written, text, arena);
  return {};
}

std::string CastTimestamp(const ColumnType& type, std::string_view text, RowArena* arena,
                          std::string_view* out) {
  const std::string_view trimmed = TrimSpaces(text);
  if (trimmed.empty()) return "empty, not a timestamp";
  if (IsInfinity(type, trimmed, out)) return {};
  std::chrono::year_month_day date;
  Clock clock;
  Zone zone;
  if (!ScanTimestamp(type, trimmed, &date, &clock, &zone)) return "not an ISO 8601 timestamp";
  if (zone.given && type.refuses_zone) return "the column's type takes no time zone";
  if (zone.given) ToUtc(zone, &date, &clock);
  std::string written;
  AppendDate(date, &written);
  written += ' ';
  AppendClock(clock, &written);
  if (zone.given && type.with_zone) written += "+00:00";
  *out = KeepUnlessEqual(written, text, arena);
  return {};
}

}  // namespace writebehind
