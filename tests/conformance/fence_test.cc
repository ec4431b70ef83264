// The fence: who takes it ends or stops who had it, and nobody else.
#include "suite.h"

namespace writebehind::test {
namespace {

class Fences : public SqlSink {
 protected:
  std::string Count() { return One("SELECT count(*) FROM people"); }
};

constexpr char kOutput[] = "0123456789abcdef/people/0";

TEST_P(Fences, WhoLostItWritesNothing) {
  Writer before = People();
  Writer after = People();
  EXPECT_CODE(Code::kOk, before.sink().TakeFence({kOutput, "a", 1, 1}));
  EXPECT_CODE(Code::kOk, before.Write({Put("1", {{"name", "a"}})}).status);
  EXPECT_CODE(Code::kOk, after.sink().TakeFence({kOutput, "b", 1, 1}));
  const Status status = before.Write({Put("2", {{"name", "a"}})}).status;
  EXPECT_TRUE(status.code() == Code::kFenced || status.code() == Code::kNotConnected || status.code() == Code::kInDoubt) << status.message();
  EXPECT_EQ("1", Count());
  EXPECT_CODE(Code::kOk, after.Write({Put("2", {{"name", "b"}})}).status);
  EXPECT_EQ("2", Count());
  // It takes it back over a new connection.
  EXPECT_CODE(Code::kOk, before.sink().Open());
  EXPECT_CODE(Code::kOk, before.sink().TakeFence({kOutput, "c", 1, 1}));
  EXPECT_CODE(Code::kOk, before.Write({Put("3", {{"name", "c"}})}).status);
  EXPECT_FALSE(after.Write({Put("4", {{"name", "b"}})}).status.ok());
  EXPECT_EQ("3", Count());
}

TEST_P(Fences, OtherOutputsAndWritersAreLeftAlone) {
  Writer one = People();
  Writer two = People();
  Writer others = People();
  EXPECT_CODE(Code::kOk, others.sink().TakeFence({"fedcba9876543210/people/0", "x", 1, 1}));
  EXPECT_CODE(Code::kOk, two.sink().TakeFence({kOutput, "a", 2, 2}));
  EXPECT_CODE(Code::kOk, one.sink().TakeFence({kOutput, "a", 1, 2}));
  for (Writer* writer : {&one, &two, &others}) EXPECT_CODE(Code::kOk, writer->Write({Put("1", {{"name", "a"}})}).status);
}

TEST_P(Fences, AnEngineOfFewerWritersEndsAllOfTheOther) {
  Writer third = People();
  Writer only = People();
  EXPECT_CODE(Code::kOk, third.sink().TakeFence({kOutput, "a", 3, 3}));
  EXPECT_CODE(Code::kOk, only.sink().TakeFence({kOutput, "b", 1, 1}));
  EXPECT_FALSE(third.Write({Put("1", {{"name", "a"}})}).status.ok());
  EXPECT_EQ("0", Count());
  EXPECT_CODE(Code::kOk, only.Write({Put("1", {{"name", "b"}})}).status);
}

WB_EVERY_SQL_SINK(Fences);

}  // namespace
}  // namespace writebehind::test
