#include "codec/decoder.h"

#include <gtest/gtest.h>

#include "entries.h"

namespace writebehind {
namespace {

using testing::EntryText;

constexpr StreamId kId{1581927201056, 3};

TEST(Decoder, ReadsEveryPartOfAPositionalEntry) {
  const std::string packed =
      EntryText{'c', kFlagShared, 0x0123456789abcdef, 300, std::string("per\0son", 7), "6ce0", {}, {{"", "James"}, {"", std::nullopt}, {"", ""}}}.Pack();
  FieldArena arena;
  Record record;
  ASSERT_TRUE(DecodeEntry(kId, packed, &arena, &record).ok());
  EXPECT_EQ(record.id, kId);
  EXPECT_EQ(record.op, Op::kCreate);
  EXPECT_EQ(record.identity, 0x0123456789abcdefU);
  EXPECT_EQ(record.definition, 300U);
  EXPECT_EQ(record.key, std::string_view("per\0son", 7));
  EXPECT_EQ(record.uuid, "6ce0");
  EXPECT_TRUE(record.shared_uuid);
  EXPECT_EQ(record.packed, packed);
  ASSERT_EQ(record.fields.size(), 3U);
  EXPECT_EQ(record.fields[0].value, "James");
  EXPECT_FALSE(record.fields[1].present);
  EXPECT_TRUE(record.fields[2].present);
  EXPECT_EQ(record.fields[2].value, "");
}

TEST(Decoder, ReadsNamesOfANamedEntry) {
  const std::string packed = EntryText{.flags = kFlagNamed, .uuid = {}, .fields = {{"age", "42"}}}.Pack();
  FieldArena arena;
  Record record;
  ASSERT_TRUE(DecodeEntry(kId, packed, &arena, &record).ok());
  ASSERT_EQ(record.fields.size(), 1U);
  EXPECT_EQ(record.fields[0].name, "age");
  EXPECT_EQ(record.fields[0].value, "42");
}

TEST(Decoder, SpansStayValidOverManyRecords) {
  FieldArena arena;
  const std::string packed = EntryText{.uuid = {}, .fields = {{"", "a"}, {"", "b"}, {"", "c"}}}.Pack();
  std::vector<Record> records(5000);
  for (Record& record : records) ASSERT_TRUE(DecodeEntry(kId, packed, &arena, &record).ok());
  for (const Record& record : records) ASSERT_EQ(record.fields[2].value, "c");
}

const Field kWas[] = {{"country", "de", true}, {"id", "", true}};

TEST(Decoder, ReadsTheRowThatWas) {
  const std::string packed = EntryText{.op = 'd', .uuid = "6ce0", .was = EncodeValues(kWas), .fields = {}}.Pack();
  FieldArena arena;
  Record record;
  ASSERT_TRUE(DecodeEntry(kId, packed, &arena, &record).ok());
  EXPECT_EQ(record.uuid, "6ce0");
  ASSERT_EQ(record.was.size(), 2U);
  EXPECT_EQ(record.was[0].name, "country");
  EXPECT_EQ(record.was[0].value, "de");
  EXPECT_EQ(record.was[1].name, "id");
  EXPECT_TRUE(record.was[1].present);
  std::vector<Field> fields;
  const std::string values = EncodeValues(kWas);
  ASSERT_TRUE(DecodeValues(values, &fields));
  EXPECT_EQ(fields[0].value, "de");
  for (const std::string& bad : {std::string(), values + "x", values.substr(0, 5), testing::Varint(UINT64_MAX)}) {
    EXPECT_FALSE(DecodeValues(bad, &fields));
  }
}

// Every proper prefix of an entry, and an entry with bytes behind it, is corrupt and never read past its end.
TEST(Decoder, RefusesEveryTruncation) {
  const std::string packed = EntryText{'u', 0, 7, 1, "person:1", "uuid", EncodeValues(kWas), {{"", "James"}, {"", "Bond"}}}.Pack();
  for (std::size_t size = 0; size < packed.size(); ++size) {
    const std::string cut = packed.substr(0, size);  // its own allocation, so that a sanitizer sees an overrun
    FieldArena arena;
    Record record;
    EXPECT_EQ(DecodeEntry(kId, cut, &arena, &record).code(), Code::kCorrupt) << size;
  }
  FieldArena arena;
  Record record;
  EXPECT_EQ(DecodeEntry(kId, packed + "x", &arena, &record).code(), Code::kCorrupt);
}

TEST(Decoder, RefusesUnknownFlagsAndOperations) {
  FieldArena arena;
  Record record;
  EXPECT_EQ(DecodeEntry(kId, EntryText{.flags = 1U << 7U, .uuid = {}, .fields = {}}.Pack(), &arena, &record).code(), Code::kCorrupt);
  EXPECT_EQ(DecodeEntry(kId, EntryText{.op = 'x', .uuid = {}, .fields = {}}.Pack(), &arena, &record).code(), Code::kCorrupt);
}

TEST(Decoder, AHugeCountAllocatesNothing) {
  std::string packed = EntryText{.uuid = {}, .fields = {}}.Pack();
  packed.pop_back();
  packed += testing::Varint(UINT64_MAX);
  FieldArena arena;
  Record record;
  EXPECT_EQ(DecodeEntry(kId, packed, &arena, &record).code(), Code::kCorrupt);
}

TEST(StreamIdText, ParsesWhatItPrintsAndNothingElse) {
  EXPECT_EQ(StreamId::Parse("1581927201056-3"), kId);
  EXPECT_EQ(StreamId::Parse(kId.ToString()), kId);
  EXPECT_EQ(StreamId::Parse("18446744073709551615-18446744073709551615"), (StreamId{UINT64_MAX, UINT64_MAX}));
  for (const char* bad : {"", "-", "1", "1-", "-1", "+1-1", "1-1 ", "18446744073709551616-0", "1-1-1"}) {
    EXPECT_FALSE(StreamId::Parse(bad)) << bad;
  }
  EXPECT_LT((StreamId{9, 0}), (StreamId{10, 0}));  // as integers, not as text
  EXPECT_EQ((StreamId{1, UINT64_MAX}).Next(), (StreamId{2, 0}));
}

}  // namespace
}  // namespace writebehind
