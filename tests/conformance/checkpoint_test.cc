// Exactly once: the checkpoint moves with the rows, or nothing does.
#include "suite.h"

namespace writebehind::test {
namespace {

class Checkpoints : public SqlSink {};

const StreamId kStart{};
const StreamId kFirst{10, 1};
const StreamId kSecond{10, 2};
constexpr char kId[] = "people/0/0123456789abcdef/1of1";

TEST_P(Checkpoints, MovesWithTheRows) {
  Writer writer = People(ExactlyOnce());
  StreamId at{1, 1};
  EXPECT_CODE(Code::kOk, writer.sink().LoadCheckpoint(kId, &at));
  EXPECT_EQ(kStart, at);
  const CheckpointMove first{kId, kStart, kFirst};
  EXPECT_CODE(Code::kOk, writer.Write({Put("1", {{"name", "a"}})}, &first).status);
  EXPECT_CODE(Code::kOk, writer.sink().LoadCheckpoint(kId, &at));
  EXPECT_EQ(kFirst, at);
  const CheckpointMove second{kId, kFirst, kSecond};
  EXPECT_CODE(Code::kOk, writer.Write({}, &second).status);
  EXPECT_EQ("10-2", One("SELECT val FROM once"));
  EXPECT_EQ("1", One("SELECT count(*) FROM once"));
}

TEST_P(Checkpoints, WhatWasCommittedIsNotWrittenAgain) {
  Writer writer = People(ExactlyOnce());
  StreamId at;
  EXPECT_CODE(Code::kOk, writer.sink().LoadCheckpoint(kId, &at));
  const CheckpointMove move{kId, kStart, kFirst};
  const std::vector<Change> mixed = {Put("1", {{"name", "a"}}), Delete("2")};
  EXPECT_CODE(Code::kOk, writer.Write(mixed, &move).status);
  database_->Run("UPDATE people SET name = 'later'");
  EXPECT_CODE(Code::kOk, writer.Write(mixed, &move).status);
  EXPECT_CODE(Code::kOk, writer.Write({Put("1", {{"name", "b"}})}, &move).status);
  EXPECT_EQ("later", One("SELECT name FROM people"));
}

TEST_P(Checkpoints, AnotherWriterFences) {
  Writer writer = People(ExactlyOnce());
  StreamId at;
  EXPECT_CODE(Code::kOk, writer.sink().LoadCheckpoint(kId, &at));
  database_->Run("UPDATE once SET val = '99-0'");
  const CheckpointMove move{kId, kStart, kFirst};
  EXPECT_CODE(Code::kFenced, writer.Write({Put("1", {{"name", "a"}})}, &move).status);
  EXPECT_CODE(Code::kFenced, writer.Write({Put("1", {{"name", "a"}}), Delete("2")}, &move).status);
  EXPECT_CODE(Code::kFenced, writer.Write({}, &move).status);
  database_->Run("DELETE FROM once");
  EXPECT_CODE(Code::kFenced, writer.Write({Put("1", {{"name", "a"}})}, &move).status);
  EXPECT_EQ("0", One("SELECT count(*) FROM people"));
}

TEST_P(Checkpoints, ARefusedBatchMovesNothing) {
  database_->Run("CREATE TABLE people (id integer PRIMARY KEY, age integer CHECK (age > 0))");
  Writer writer(ExactlyOnce());
  ASSERT_TRUE(writer.Plan("people", {"id"}, {"age"}).ok());
  StreamId at;
  EXPECT_CODE(Code::kOk, writer.sink().LoadCheckpoint(kId, &at));
  const CheckpointMove move{kId, kStart, kFirst};
  const WriteResult result = writer.Write({Put("1", {{"age", "1"}}), Put("2", {{"age", "-1"}})}, &move);
  EXPECT_CODE(Code::kRefused, result.status);
  EXPECT_EQ(1U, result.refused.size());
  EXPECT_EQ("0-0", One("SELECT val FROM once"));
  EXPECT_CODE(Code::kOk, writer.Write({Put("1", {{"age", "1"}})}, &move).status);
  EXPECT_EQ("10-1", One("SELECT val FROM once"));
}

TEST_P(Checkpoints, EachNameHasItsOwnRow) {
  Writer writer = People(ExactlyOnce());
  StreamId at;
  const std::string other = "people/0/0123456789abcdef/'; DROP TABLE once; --";
  EXPECT_CODE(Code::kOk, writer.sink().LoadCheckpoint(kId, &at));
  EXPECT_CODE(Code::kOk, writer.sink().LoadCheckpoint(other, &at));
  const CheckpointMove move{other, kStart, kFirst};
  EXPECT_CODE(Code::kOk, writer.Write({}, &move).status);
  EXPECT_CODE(Code::kOk, writer.sink().LoadCheckpoint(kId, &at));
  EXPECT_EQ(kStart, at);
  writer.sink().ForgetCheckpoint(other);
  EXPECT_EQ("1", One("SELECT count(*) FROM once"));
}

TEST_P(Checkpoints, TwoWritersOneWins) {
  const SinkOptions options = ExactlyOnce();
  Writer one = People(options);
  Writer two = People(options);
  StreamId at;
  EXPECT_CODE(Code::kOk, one.sink().LoadCheckpoint(kId, &at));
  EXPECT_CODE(Code::kOk, two.sink().LoadCheckpoint(kId, &at));
  const CheckpointMove first{kId, kStart, kFirst};
  const CheckpointMove second{kId, kStart, kSecond};
  EXPECT_CODE(Code::kOk, one.Write({Put("1", {{"name", "one"}})}, &first).status);
  EXPECT_CODE(Code::kFenced, two.Write({Put("1", {{"name", "two"}})}, &second).status);
  EXPECT_EQ("one", One("SELECT name FROM people"));
}

WB_EVERY_SQL_SINK(Checkpoints);

TEST(NullSink, KeepsCheckpointsAndTakesEveryColumn) {
  SinkOptions options;
  options.kind = "null";
  Writer writer(options);
  ASSERT_TRUE(writer.Plan("nowhere", {"id"}, {"a", "b"}).ok());
  StreamId at{1, 1};
  EXPECT_CODE(Code::kOk, writer.sink().LoadCheckpoint(kId, &at));
  EXPECT_EQ(kStart, at);
  const CheckpointMove move{kId, kStart, kFirst};
  EXPECT_CODE(Code::kOk, writer.Write({Put("1", {{"a", "\xff"}})}, &move).status);
  EXPECT_CODE(Code::kOk, writer.Write({Put("1", {{"a", "x"}})}, &move).status);
  const CheckpointMove late{kId, kStart, kSecond};
  EXPECT_CODE(Code::kFenced, writer.Write({Put("1", {{"a", "x"}})}, &late).status);
}

}  // namespace
}  // namespace writebehind::test
