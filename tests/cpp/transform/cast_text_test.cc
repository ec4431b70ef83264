// Texts, bytes and the types written as texts; and which text of a key is the canonical one.
#include "casting.h"

#include "transform/cast_parts.h"

namespace writebehind::test {
namespace {

bool IsKey(const ColumnType& type, std::string_view text) {
  RowArena arena;
  std::string_view out;
  return Cast(type, text, &arena, &out).empty() && IsCanonicalKey(type, text, out);
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
}  // namespace writebehind::test
