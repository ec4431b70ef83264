// Booleans and numbers: what is taken, and how it is written.
#include "casting.h"

namespace writebehind::test {
namespace {

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

}  // namespace
}  // namespace writebehind::test
