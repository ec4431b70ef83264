#include "transform/mapping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "util/printable.h"

namespace writebehind {
namespace {

using testing::Contains;
using testing::HasSubstr;

Column Make(const std::string& name, TypeKind kind) {
  Column column;
  column.name = name;
  column.type.kind = kind;
  column.type.name = "a type";
  return column;
}

class Mapping : public testing::Test {
 protected:
  Mapping() {
    output_.table.table = "people";
    output_.keys = {{"id", "person:"}};
    output_.columns = {{"name", "n", 0}, {"age", "a", 1}};
    catalog_.columns = {Make("id", TypeKind::kInteger), Make("name", TypeKind::kText),
                        Make("age", TypeKind::kInteger)};
    catalog_.columns[0].primary_key = true;
    catalog_.columns[0].nullable = false;
    catalog_.unique_keys = {{"id"}};
  }

  Status Plan() { return MakePlan(output_, catalog_, &plan_, &warnings_); }

  bool Map(std::string_view key, std::span<const Field> fields, Op op = Op::kUpdate) {
    if (plan_.id == 0) {
      EXPECT_TRUE(Plan().ok());
    }
    Record record;
    record.key = key;
    record.fields = fields;
    record.op = op;
    record.was = was_;
    return MapRecord(output_, plan_, record, made_.empty() ? fields : made_, &arena_, &row_, &refusal_);
  }

  // The key is (id, country): the Redis key and a field.
  void AddFieldKey() {
    output_.keys.push_back({"country", "", "c", 2});
    catalog_.columns.push_back(Make("country", TypeKind::kInteger));
    catalog_.unique_keys = {{"country", "id"}};
  }

  std::span<const Field> was_;
  std::span<const Field> made_;  // by a transform
  Output output_;
  Catalog catalog_;
  TablePlan plan_;
  std::vector<std::string> warnings_;
  RowArena arena_;
  Row row_;
  Refusal refusal_;
};

TEST_F(Mapping, PositionalFieldsStayWhereTheyAre) {
  const std::array<Field, 2> fields = {{{"", "Ada", true}, {"", "36", true}}};
  ASSERT_TRUE(Map("person:7", fields));
  ASSERT_EQ(3U, row_.cells.size());
  EXPECT_EQ("7", row_.cells[0].text);
  EXPECT_EQ(fields[0].value.data(), row_.cells[1].text.data()) << "a view, not a copy";
  EXPECT_EQ("36", row_.cells[2].text);
  EXPECT_FALSE(row_.is_delete);
}

TEST_F(Mapping, NamedFieldsAreLookedUp) {
  output_.columns[0].index = output_.columns[1].index = kByName;
  const std::array<Field, 3> fields = {{{"other", "x", true}, {"a", "36", true}, {"n", "Ada", true}}};
  ASSERT_TRUE(Map("person:7", fields));
  EXPECT_EQ("Ada", row_.cells[1].text);
  EXPECT_EQ("36", row_.cells[2].text);
}

TEST_F(Mapping, MissingFieldsAreNullOrKept) {
  const std::array<Field, 2> fields = {{{"", "", false}, {"", "36", true}}};
  ASSERT_TRUE(Map("person:7", fields));
  EXPECT_EQ(Cell::State::kNull, row_.cells[1].state);
  output_.missing = Missing::kKeep;
  ASSERT_TRUE(Map("person:7", fields));
  EXPECT_EQ(Cell::State::kKeep, row_.cells[1].state);
  ASSERT_TRUE(Map("person:7", {}));
  EXPECT_EQ(Cell::State::kKeep, row_.cells[2].state);
}

TEST_F(Mapping, ADeleteNeedsOnlyItsKey) {
  ASSERT_TRUE(Map("person:7", {}, Op::kDelete));
  EXPECT_TRUE(row_.is_delete);
  EXPECT_EQ("7", row_.cells[0].text);
}

TEST_F(Mapping, SaysWhatIsWrongWithAValue) {
  const std::array<Field, 2> fields = {{{"", "Ada", true}, {"", "old\x01", true}}};
  EXPECT_FALSE(Map("person:7", fields));
  EXPECT_EQ("age", refusal_.column);
  EXPECT_EQ("a type", refusal_.type);
  EXPECT_EQ("old\\x01", refusal_.value);
  EXPECT_EQ("not an integer", refusal_.reason);
  EXPECT_EQ(Constraint::kNone, refusal_.constraint);
  const std::array<Field, 2> empty = {{{"", "", true}, {"", "", true}}};
  EXPECT_FALSE(Map("person:7", empty)) << "an empty text is no integer, and not NULL";
}

TEST_F(Mapping, KeysAreTheCanonicalTextBehindThePrefix) {
  for (std::string_view key :
       {"person:07", "person:+7", "person: 7", "person:", "people:7", "person", "person:7:8"}) {
    EXPECT_FALSE(Map(key, {}, Op::kDelete)) << key;
    EXPECT_EQ("id", refusal_.column);
  }
  EXPECT_FALSE(Map("person:07", {}));
  EXPECT_THAT(refusal_.reason, HasSubstr("'7'"));
  catalog_.columns[0].type.kind = TypeKind::kText;
  plan_ = {};
  ASSERT_TRUE(Map("person:a:b", {}, Op::kDelete));
  EXPECT_EQ("a:b", row_.cells[0].text) << "all that follows the prefix";
}

TEST_F(Mapping, AKeyColumnCanBeAField) {
  AddFieldKey();
  const std::array<Field, 3> fields = {{{"", "Ada", true}, {"", "36", true}, {"", "049", true}}};
  ASSERT_TRUE(Map("person:7", fields));
  ASSERT_EQ(4U, row_.cells.size());
  EXPECT_EQ("7", row_.cells[0].text);
  EXPECT_EQ("49", row_.cells[1].text) << "converted like any value";
  EXPECT_EQ("Ada", row_.cells[2].text);
  EXPECT_TRUE(plan_.field_keys);
  EXPECT_FALSE(plan_.keys_fold);
  EXPECT_FALSE(Map("person:07", fields)) << "the part from the Redis key must be canonical";
}

TEST_F(Mapping, AHashWithoutAKeyFieldIsRefused) {
  AddFieldKey();
  for (const Missing missing : {Missing::kNull, Missing::kKeep}) {
    output_.missing = missing;
    const std::array<Field, 3> fields = {{{"", "Ada", true}, {"", "36", true}, {"", "", false}}};
    EXPECT_FALSE(Map("person:7", fields));
    EXPECT_EQ("country", refusal_.column);
    EXPECT_THAT(refusal_.reason, HasSubstr("can't be NULL"));
  }
  const std::array<Field, 3> fields = {{{"", "Ada", true}, {"", "36", true}, {"", "de", true}}};
  EXPECT_FALSE(Map("person:7", fields));
  EXPECT_EQ("country", refusal_.column);
  EXPECT_EQ("de", refusal_.value);
}

TEST_F(Mapping, ADeleteIsOfTheRowThatWas) {
  AddFieldKey();
  const std::array<Field, 2> was = {{{"b", "1", true}, {"c", "049", true}}};
  was_ = was;
  ASSERT_TRUE(Map("person:7", {}, Op::kDelete));
  EXPECT_EQ("7", row_.cells[0].text);
  EXPECT_EQ("49", row_.cells[1].text);
  EXPECT_FALSE(Map("person:07", {}, Op::kDelete));
  const std::array<Field, 1> unusable = {{{"c", "de", true}}};
  for (const std::span<const Field> unknown : {std::span<const Field>(unusable), std::span(was).first(1), std::span<const Field>()}) {
    was_ = unknown;
    ASSERT_TRUE(Map("person:7", {}, Op::kDelete));
    EXPECT_TRUE(row_.cells.empty()) << "there is no such row";
  }
}

TEST_F(Mapping, ATransformMakesNoOtherKey) {
  AddFieldKey();
  const std::array<Field, 3> fields = {{{"n", "Ada", true}, {"a", "36", true}, {"c", "49", true}}};
  const std::array<Field, 2> without = {{{"n", "ADA", true}, {"a", "36", true}}};
  made_ = without;
  output_.keys[1].index = output_.columns[0].index = output_.columns[1].index = kByName;
  ASSERT_TRUE(Map("person:7", fields));
  EXPECT_EQ("49", row_.cells[1].text);
  EXPECT_EQ("ADA", row_.cells[2].text);
  const std::array<Field, 2> other = {{{"n", "ADA", true}, {"c", "50", true}}};
  made_ = other;
  EXPECT_FALSE(Map("person:7", fields));
  EXPECT_EQ("country", refusal_.column);
  EXPECT_THAT(refusal_.reason, HasSubstr("transform"));
}

TEST_F(Mapping, PlanKnowsWhereTextsThatDifferMayBeOneKey) {
  AddFieldKey();
  ColumnType& type = catalog_.columns.back().type;
  type.kind = TypeKind::kText;
  ASSERT_TRUE(Plan().ok());
  EXPECT_FALSE(plan_.keys_fold);
  type.case_insensitive = true;
  ASSERT_TRUE(Plan().ok());
  EXPECT_TRUE(plan_.keys_fold);
  type = {};
  type.kind = TypeKind::kNumeric;
  ASSERT_TRUE(Plan().ok());
  EXPECT_TRUE(plan_.keys_fold) << "1.0 is 1";
  type.precision = 5;
  ASSERT_TRUE(Plan().ok());
  EXPECT_FALSE(plan_.keys_fold);
}

TEST_F(Mapping, PlanNamesAWrongColumn) {
  output_.columns[1].column = "height";
  Status status = Plan();
  EXPECT_EQ(Code::kConfig, status.code());
  EXPECT_THAT(status.message(), HasSubstr("'height'"));
  output_.columns[1].column = "age";
  catalog_.columns[2].generated = true;
  EXPECT_THAT(Plan().message(), HasSubstr("generated"));
  catalog_.columns[2].generated = false;
  catalog_.unique_keys = {{"id", "name"}};
  EXPECT_THAT(Plan().message(), HasSubstr("UNIQUE"));
}

TEST_F(Mapping, PlanKnowsTheTablesTraps) {
  catalog_.unique_keys = {{"id"}, {"(expression)"}};
  catalog_.columns.push_back(Make("must", TypeKind::kText));
  catalog_.columns.back().nullable = false;
  catalog_.columns[0].type.case_insensitive = true;
  ASSERT_TRUE(Plan().ok());
  EXPECT_TRUE(plan_.other_unique);
  EXPECT_TRUE(plan_.update_first);
  EXPECT_THAT(warnings_, Contains(HasSubstr("compares without case")));
  catalog_.columns.back().has_default = true;
  const std::uint64_t before = plan_.id;
  ASSERT_TRUE(Plan().ok());
  EXPECT_FALSE(plan_.update_first);
  EXPECT_NE(before, plan_.id);
}

TEST_F(Mapping, FoldsCaseWhereOneColumnIsMeant) {
  output_.columns[0].column = "NAME";
  ASSERT_TRUE(Plan().ok());
  EXPECT_EQ("name", plan_.columns[0].name);
  catalog_.columns.push_back(Make("Name", TypeKind::kText));
  EXPECT_FALSE(Plan().ok());
}

TEST(RowArena, KeepsItsBlocks) {
  RowArena arena;
  const std::string_view kept = arena.Keep("abc");
  for (int i = 0; i < 100000; ++i) arena.NewCells(7);
  EXPECT_EQ("abc", kept);
  arena.Clear();
  const std::span<Cell> cells = arena.NewCells(2);
  EXPECT_EQ(Cell::State::kNull, cells[0].state);
  EXPECT_EQ(1U << 20U, arena.Keep(std::string(1U << 20U, 'x')).size());
}

TEST(Printable, ShowsAtMost200BytesOfValidText) {
  EXPECT_EQ("a\\x00\\xffä😀", Printable(std::string("a\0\xff", 3) + "ä😀"));
  EXPECT_EQ("\\xed\\xa0\\x80\\xc2\\x85", Printable("\xed\xa0\x80\xc2\x85"));
  EXPECT_EQ(200U, Printable(std::string(1000, 'x')).size());
  std::string wide;
  for (int i = 0; i < 200; ++i) wide += "ä";
  EXPECT_EQ(200U, Printable("x" + wide).size() + 1);
}

}  // namespace
}  // namespace writebehind
