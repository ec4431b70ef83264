#include "transform/cast.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "transform/cast_parts.h"

namespace writebehind {
namespace {

constexpr char kRefused[] = "(refused)";

// The canonical text, or kRefused.
std::string To(const ColumnType& type, std::string_view text) {
  static RowArena arena;
  std::string_view out;
  return Cast(type, text, &arena, &out).empty() ? std::string(out) : kRefused;
}

bool IsKey(const ColumnType& type, std::string_view text) {
  RowArena arena;
  std::string_view out;
  return Cast(type, text, &arena, &out).empty() && IsCanonicalKey(type, text, out);
}

ColumnType Of(TypeKind kind) {
  ColumnType type;
  type.kind = kind;
  return type;
}

struct Case {
  std::string_view text;
  std::string_view expected;
};

void Check(const ColumnType& type, const std::vector<Case>& cases) {
  for (const Case& one : cases) EXPECT_EQ(one.expected, To(type, one.text)) << "'" << one.text << "'";
}

TEST(Cast, Boolean) {
  Check(Of(TypeKind::kBoolean), {{"1", "1"},
                                 {"0", "0"},
                                 {"true", "1"},
                                 {"FALSE", "0"},
                                 {"t", "1"},
                                 {"F", "0"},
                                 {"Yes", "1"},
                                 {"no", "0"},
                                 {"on", "1"},
                                 {"OFF", "0"},
                                 {" true ", "1"},
                                 {"y", "1"},
                                 {"", kRefused},
                                 {"2", kRefused},
                                 {"01", kRefused},
                                 {"maybe", kRefused},
                                 {"tru", kRefused}});
}

TEST(Cast, Integer) {
  ColumnType type = Of(TypeKind::kInteger);
  Check(type, {{"0", "0"},
               {"-0", "0"},
               {"+5", "5"},
               {"005", "5"},
               {"-005", "-5"},
               {" 42\n", "42"},
               {"9223372036854775807", "9223372036854775807"},
               {"-9223372036854775808", "-9223372036854775808"},
               {"9223372036854775808", kRefused},
               {"-9223372036854775809", kRefused},
               {"99999999999999999999999", kRefused},
               {"", kRefused},
               {" ", kRefused},
               {"-", kRefused},
               {"+", kRefused},
               {"+-5", kRefused},
               {"5.0", kRefused},
               {"1e3", kRefused},
               {"0x10", kRefused},
               {"five", kRefused},
               {"5 5", kRefused},
               {"true", kRefused},
               {std::string_view("5\0", 2), kRefused},
               {"٣", kRefused}});
  type.bits = 16;
  Check(type, {{"32767", "32767"}, {"-32768", "-32768"}, {"32768", kRefused}, {"-32769", kRefused}});
  type.bits = 24;
  Check(type, {{"8388607", "8388607"}, {"8388608", kRefused}, {"-8388608", "-8388608"}});
  type.bits = 8;
  type.is_unsigned = true;
  Check(type, {{"255", "255"}, {"256", kRefused}, {"-1", kRefused}, {"-0", "0"}});
  type.bits = 64;
  Check(type, {{"18446744073709551615", "18446744073709551615"}, {"18446744073709551616", kRefused}});
  type.boolean_words = true;
  Check(type, {{"true", "1"}, {"False", "0"}, {"7", "7"}});
}

TEST(Cast, NumericRoundsToItsScale) {
  ColumnType type = Of(TypeKind::kNumeric);
  type.precision = 5;
  type.scale = 2;
  Check(type, {{"1", "1.00"},
               {"1.5", "1.50"},
               {"999.99", "999.99"},
               {"999.994", "999.99"},
               {"999.995", kRefused},
               {"1000", kRefused},
               {"0.005", "0.01"},
               {"0.0049", "0.00"},
               {"-0.001", "0.00"},
               {"-1.005", "-1.01"},
               {".5", "0.50"},
               {"5.", "5.00"},
               {"+1", "1.00"},
               {"1e2", "100.00"},
               {"1E-2", "0.01"},
               {"1e-3", "0.00"},
               {"12345e-2", "123.45"},
               {"0e99999999999", "0.00"},
               {"9.995", "10.00"},
               {"0001.5", "1.50"},
               {"1e999999999999", kRefused},
               {"1e-999999999999", "0.00"},
               {"", kRefused},
               {".", kRefused},
               {"1.2.3", kRefused},
               {"1e", kRefused},
               {"1e+", kRefused},
               {"1e+-2", kRefused},
               {"nan", kRefused},
               {"inf", kRefused},
               {"1,5", kRefused},
               {"0x1", kRefused}});
  type.precision = 3;
  type.scale = 5;
  Check(type, {{"0.00123", "0.00123"},
               {"0.00999", "0.00999"},
               {"0.01", kRefused},
               {"0.000004", "0.00000"},
               {"0.009995", kRefused}});
  type.precision = 3;
  type.scale = 0;
  Check(type,
        {{"999", "999"}, {"999.4", "999"}, {"999.5", kRefused}, {"0.5", "1"}, {"0.4", "0"}, {"-0.4", "0"}});
}

TEST(Cast, NumericWithoutPrecisionKeepsItsDigits) {
  ColumnType type = Of(TypeKind::kNumeric);
  Check(type, {{"1.50", "1.50"},
               {"12345678901234567890.123456789", "12345678901234567890.123456789"},
               {"1e3", "1000"},
               {"1.5e1", "15"},
               {"1.25e1", "12.5"},
               {"-0", "0"},
               {"00.10", "0.10"},
               {"1e-3", "0.001"},
               {"1e200000", kRefused},
               {"1e-20000", kRefused},
               {"NaN", kRefused}});
  type.allows_nan = true;
  type.allows_infinity = true;
  Check(type, {{"nan", "NaN"}, {"-nan", kRefused}, {"INF", "Infinity"}, {"-infinity", "-Infinity"}});
  type.is_unsigned = true;
  Check(type, {{"-1", kRefused}, {"-0.0", "0.0"}});
}

TEST(Cast, Float) {
  ColumnType type = Of(TypeKind::kFloat);
  Check(type, {{"1", "1"},
               {"1.0", "1"},
               {"0.1", "0.1"},
               {"+2.5", "2.5"},
               {"1e3", "1000"},
               {".5", "0.5"},
               {"1e400", kRefused},
               {"nan", kRefused},
               {"inf", kRefused},
               {"0x1p3", kRefused},
               {"", kRefused},
               {"+", kRefused},
               {"+-1", kRefused},
               {"1f", kRefused},
               {"-1.5e-3", "-0.0015"}});
  type.allows_nan = type.allows_infinity = true;
  Check(type, {{"NAN", "NaN"}, {"+inf", "Infinity"}, {"-Infinity", "-Infinity"}, {"nan(1)", kRefused}});
  type.bits = 32;
  Check(type, {{"0.1", "0.1"}, {"1e39", kRefused}});
}

TEST(Cast, TextIsUtf8) {
  ColumnType type = Of(TypeKind::kText);
  type.max_length = 3;
  Check(type, {{"", ""},
               {"äöü", "äöü"},
               {"😀😀😀", "😀😀😀"},
               {"abcd", kRefused},
               {"abc  ", "abc  "},
               {"ab  x", kRefused}});
  type.max_length = 0;
  for (std::string_view bad : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82",
                               "abcdefgh\x80", "\xf0\x80\x80\x80"}) {
    EXPECT_EQ(kRefused, To(type, bad));
  }
  EXPECT_EQ(std::string("a\0b", 3), To(type, std::string_view("a\0b", 3)));
  type.allows_nul = false;
  EXPECT_EQ(kRefused, To(type, std::string_view("a\0b", 3)));
  type.max_bytes = 5;
  Check(type, {{"äö", "äö"}, {"äöü", kRefused}});
  EXPECT_EQ(9U, CountUtf8("abcdefgh\xc3\xa4").value());
}

TEST(Cast, BytesAreRaw) {
  ColumnType type = Of(TypeKind::kBytes);
  type.max_length = 2;
  Check(type, {{"\xff\xfe", "\xff\xfe"}, {"abc", kRefused}, {"", ""}});
}

TEST(Cast, Date) {
  const ColumnType type = Of(TypeKind::kDate);
  Check(type, {{"2024-02-29", "2024-02-29"},
               {"2023-02-29", kRefused},
               {"20240229", "2024-02-29"},
               {"2024-2-9", "2024-02-09"},
               {" 2024-01-01 ", "2024-01-01"},
               {"2024-01-01T10:00:00Z", "2024-01-01"},
               {"2024-13-01", kRefused},
               {"2024-00-10", kRefused},
               {"0000-01-01", kRefused},
               {"", kRefused},
               {"01/02/2024", kRefused},
               {"1700000000", kRefused},
               {"2024-01-01x", kRefused},
               {"infinity", kRefused},
               {"10000-01-01", kRefused},
               {"1900-02-29", kRefused},
               {"2000-02-29", "2000-02-29"}});
}

TEST(Cast, Time) {
  ColumnType type = Of(TypeKind::kTime);
  Check(type, {{"10:20:30", "10:20:30"},
               {"10:20", "10:20:00"},
               {"1:02:03.5", "01:02:03.5"},
               {"24:00:00", "24:00:00"},
               {"24:00:01", kRefused},
               {"10:60:00", kRefused},
               {"10:00:60", kRefused},
               {"-01:00:00", kRefused},
               {"", kRefused},
               {"10:00:00.", kRefused},
               {"1000", kRefused}});
  type.max_hours = 838;
  Check(type, {{"-838:59:59", "-838:59:59"}, {"839:00:00", kRefused}, {"100:00:00", "100:00:00"}});
}

TEST(Cast, TimestampGoesToUtc) {
  ColumnType type = Of(TypeKind::kTimestamp);
  Check(type, {{"2024-01-01", "2024-01-01 00:00:00"},
               {"2024-01-01T10:20:30", "2024-01-01 10:20:30"},
               {"2024-01-01 10:20", "2024-01-01 10:20:00"},
               {"2024-01-01T10:20:30.123456Z", "2024-01-01 10:20:30.123456"},
               {"2024-01-01T00:30:00+02:00", "2023-12-31 22:30:00"},
               {"2024-02-28T23:30:00-0130", "2024-02-29 01:00:00"},
               {"2024-01-01 10:00:00 +02", "2024-01-01 08:00:00"},
               {"2024-01-01T24:00:00", kRefused},
               {"2024-01-01T10:20:30+25:00", kRefused},
               {"2024-01-01T", kRefused},
               {"", kRefused},
               {"2024-01-01T10:20:30Zx", kRefused},
               {"2024-01-01 10:20:30 Europe/Rome", kRefused}});
  type.with_zone = true;
  Check(type, {{"2024-01-01T10:20:30Z", "2024-01-01 10:20:30+00:00"},
               {"2024-01-01 10:20:30", "2024-01-01 10:20:30"}});
  type.refuses_zone = true;
  Check(type, {{"2024-01-01T10:20:30Z", kRefused}, {"2024-01-01 10:20:30", "2024-01-01 10:20:30"}});
  type.allows_infinity = true;
  Check(type, {{"Infinity", "infinity"}, {"-infinity", "-infinity"}});
}

TEST(Cast, UuidJsonEnumOther) {
  const std::string uuid = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
  Check(Of(TypeKind::kUuid), {{uuid, uuid},
                              {"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", uuid},
                              {"{a0eebc999c0b4ef8bb6d6bb9bd380a11}", uuid},
                              {"a0eebc99", kRefused},
                              {"", kRefused},
                              {"g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", kRefused},
                              {uuid + "0", kRefused}});
  Check(Of(TypeKind::kJson), {{"{\"a\": 1}", "{\"a\": 1}"},
                              {"null", "null"},
                              {"", kRefused},
                              {"{a: 1}", kRefused},
                              {"{} x", kRefused}});
  ColumnType type = Of(TypeKind::kEnum);
  type.labels = {"small", "Large"};
  Check(type, {{"small", "small"}, {"LARGE", kRefused}, {"", kRefused}});
  type.case_insensitive = true;
  Check(type, {{"LARGE", "Large"}});
  type = Of(TypeKind::kOther);
  Check(type, {{"007", "007"}, {"\xff", kRefused}});
  type.reads_numbers = true;
  Check(type, {{"007", kRefused},
               {"7", "7"},
               {"1.50", kRefused},
               {"abc", "abc"},
               {"1e3", kRefused},
               {"nancy", "nancy"},
               {"inf", "inf"},
               {"", ""}});
}

TEST(Keys, OnlyTheCanonicalText) {
  ColumnType type = Of(TypeKind::kInteger);
  EXPECT_TRUE(IsKey(type, "5"));
  for (std::string_view other : {"05", "+5", " 5", "5 ", "-0", "5.0", ""})
    EXPECT_FALSE(IsKey(type, other)) << other;
  type = Of(TypeKind::kUuid);
  EXPECT_TRUE(IsKey(type, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"));
  EXPECT_FALSE(IsKey(type, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"));
  type = Of(TypeKind::kNumeric);
  EXPECT_TRUE(IsKey(type, "5"));
  EXPECT_FALSE(IsKey(type, "5.0"));
  EXPECT_TRUE(IsKey(type, "5.25"));
  type.precision = 10;
  type.scale = 2;
  EXPECT_TRUE(IsKey(type, "5.00"));
  EXPECT_FALSE(IsKey(type, "5"));
  type = Of(TypeKind::kFloat);
  EXPECT_TRUE(IsKey(type, "0.5"));
  EXPECT_FALSE(IsKey(type, "0.50"));
  EXPECT_FALSE(IsKey(type, "-0"));
  type = Of(TypeKind::kText);
  EXPECT_TRUE(IsKey(type, "a "));
  type.ignores_spaces = true;
  EXPECT_FALSE(IsKey(type, "a "));
  type = Of(TypeKind::kTimestamp);
  type.scale = 6;
  EXPECT_TRUE(IsKey(type, "2024-01-01 00:00:00.5"));
  EXPECT_FALSE(IsKey(type, "2024-01-01 00:00:00.50"));
  EXPECT_FALSE(IsKey(type, "2024-01-01 00:00:00.1234567"));
  EXPECT_FALSE(IsKey(type, "2024-01-01T00:00:00"));
}

}  // namespace
}  // namespace writebehind
