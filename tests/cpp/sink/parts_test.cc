// The small parts that sinks share.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "sink/binary_array.h"
#include "sink/catalog_reader.h"
#include "sink/checkpoint.h"
#include "sink/groups.h"
#include "sink/refusal.h"
#include "sink/watchdog.h"

namespace writebehind {
namespace {

Cell Of(std::string_view text) { return {Cell::State::kValue, text}; }

Row Make(const std::vector<Cell>& cells) {
  Row row;
  row.cells = cells;
  return row;
}

TEST(BinaryArray, PutsLengthsBeforeBytes) {
  std::string bytes = "old";
  BinaryArray array(&bytes, BinaryArray::kBytea, 3);
  array.Add(Of(std::string_view("\0\xff\"", 3)));
  array.Add({});
  array.Add(Of(""));
  constexpr char kExpected[] =
      "\0\0\0\1\0\0\0\1\0\0\0\x11\0\0\0\3\0\0\0\1"
      "\0\0\0\3\0\xff\""
      "\xff\xff\xff\xff"
      "\0\0\0\0";
  EXPECT_EQ(std::string_view(kExpected, sizeof kExpected - 1), bytes);
}

TEST(Checkpoint, JudgesAMoveThatChangedNothing) {
  const CheckpointMove move{"p/0/x/1of1", {1, 0}, {2, 0}};
  EXPECT_EQ(Code::kOk, JudgeCheckpoint(move, "2-0").code());
  EXPECT_EQ(Code::kFenced, JudgeCheckpoint(move, "3-0").code());
  EXPECT_EQ(Code::kFenced, JudgeCheckpoint(move, std::nullopt).code());
  StreamId at;
  EXPECT_EQ(Code::kOk, ReadCheckpoint("p", "18446744073709551615-1", &at).code());
  EXPECT_EQ(UINT64_MAX, at.ms);
  EXPECT_EQ(Code::kConfig, ReadCheckpoint("p", "2", &at).code());
  EXPECT_EQ((TableName{"s", "t"}), ParseTableName("s.t"));
  EXPECT_EQ((TableName{"", "t"}), ParseTableName("t"));
  EXPECT_EQ((TableName{"", "s.t"}), ParseTableName("\"s.t\""));
  EXPECT_EQ((TableName{"s`.", "\".t"}), ParseTableName("\"s`.\".`\".t`"));
  EXPECT_EQ((TableName{"s", "t.u"}), ParseTableName("s.\"t.u\""));
  EXPECT_EQ((TableName{"", "t"}), ParseTableName("`t"));
}

TEST(Groups, DeletesFirstThenByKeptColumns) {
  TablePlan plan;
  plan.keys.resize(1);
  plan.columns.resize(2);
  const Cell keep{Cell::State::kKeep, {}};
  const std::vector<Cell> full = {Of("1"), Of("a"), Of("b")};
  const std::vector<Cell> kept = {Of("2"), keep, Of("b")};
  const std::vector<Cell> gone = {Of("3"), {}, {}};
  std::vector<Row> rows = {Make(kept), Make(full), Make(gone), Make(kept)};
  rows[2].is_delete = true;
  const std::vector<Group> groups = GroupRows(plan, rows);
  ASSERT_EQ(3U, groups.size());
  EXPECT_TRUE(groups[0].shape.is_delete);
  EXPECT_EQ((std::vector<std::uint32_t>{1}), groups[1].rows);
  EXPECT_EQ((std::vector<std::uint32_t>{0, 3}), groups[2].rows);
  EXPECT_EQ((std::vector<std::size_t>{0, 2}), groups[2].shape.Cells(plan));
  EXPECT_FALSE(groups[2].shape.UpdateFirst(plan));
  rows[1].replaces = true;
  EXPECT_EQ((std::vector<std::uint32_t>{1, 2}), GroupRows(plan, rows)[0].rows);
  EXPECT_EQ((std::vector<std::uint32_t>{1}), GroupRows(plan, rows)[1].rows);
  plan.columns[0].nullable = false;
  EXPECT_TRUE(groups[2].shape.UpdateFirst(plan)) << "an INSERT without it would fail";
  EXPECT_FALSE(groups[1].shape.UpdateFirst(plan));
}

TEST(Refusal, NamesTheColumnThatTheMessageNames) {
  TablePlan plan;
  plan.keys.resize(1);
  plan.keys[0].name = "id";
  plan.columns.resize(1);
  plan.columns[0].name = "age";
  plan.columns[0].type.name = "integer";
  const std::vector<Cell> cells = {Of("1"), Of("x")};
  const Row row = Make(cells);
  for (const char* message :
       {"ERROR:  null value in column \"age\" of relation\nDETAIL: x", "Column 'age' cannot be null",
        "UNIQUE constraint failed: people.age", "Key (age)=(5) already exists.",
        "CONSTRAINT `people.age` failed for `wb`.`people`",
        "Incorrect value: 'id' for column `wb`.`people`.`age` at row 1",
        "a foreign key fails (`child`, FOREIGN KEY (`age`) REFERENCES `people` (`id`))"}) {
    const Refusal refusal = MakeRefusal(plan, row, message, Constraint::kOfRow);
    EXPECT_EQ("age", refusal.column) << message;
    EXPECT_EQ("x", refusal.value);
    EXPECT_EQ("integer", refusal.type);
  }
  EXPECT_EQ("", MakeRefusal(plan, row, "the average is wrong", Constraint::kOfRow).column);
  EXPECT_EQ("a b", OneLine("ERROR:  a\n\t b\n"));
}

TEST(SqliteType, ByNameThenByAffinity) {
  const std::pair<const char*, TypeKind> cases[] = {
      {"INTEGER", TypeKind::kInteger},
      {"bigint unsigned", TypeKind::kInteger},
      {"varchar(20)", TypeKind::kText},
      {"BLOB", TypeKind::kBytes},
      {"DOUBLE PRECISION", TypeKind::kFloat},
      {"decimal(8,2)", TypeKind::kNumeric},
      {"boolean", TypeKind::kBoolean},
      {"DATETIME", TypeKind::kTimestamp},
      {"date", TypeKind::kDate},
      {"json", TypeKind::kJson},
      {"", TypeKind::kOther},
      {"STRING", TypeKind::kOther},
  };
  for (const auto& [name, kind] : cases) EXPECT_EQ(kind, SqliteType(name).kind) << name;
  EXPECT_TRUE(SqliteType("STRING").reads_numbers);
  EXPECT_FALSE(SqliteType("").reads_numbers);
}

TEST(Watchdog, ActsOnlyOnACallPastItsTime) {
  std::atomic<int> acted{0};
  {
    Watchdog dog(std::chrono::milliseconds(60), [&] { ++acted; });
    for (int i = 0; i < 100; ++i) {
      const Watchdog::Watch watch(&dog);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_EQ(0, acted);
    {
      const Watchdog::Watch watch(&dog);
      std::this_thread::sleep_for(std::chrono::milliseconds(250));
    }
    EXPECT_EQ(1, acted);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_EQ(1, acted);
  const Watchdog never(std::chrono::milliseconds(0), [&] { ++acted; });
}

}  // namespace
}  // namespace writebehind
