// Opening, describing, planning: what is wrong by configuration says so before a row is written.
#include "suite.h"

namespace writebehind::test {
namespace {

using testing::HasSubstr;

class Opening : public SqlSink {};

TEST_P(Opening, OpensClosesAndOpensAgain) {
  Writer writer = People();
  EXPECT_CODE(Code::kOk, writer.Write({Put("1", {{"name", "a"}})}).status);
  writer.sink().Close();
  writer.sink().Close();
  EXPECT_CODE(Code::kNotConnected, writer.Write({Put("2", {{"name", "b"}})}).status);
  EXPECT_CODE(Code::kOk, writer.sink().Open());
  EXPECT_CODE(Code::kOk, writer.sink().Open());
  EXPECT_CODE(Code::kOk, writer.Write({Put("2", {{"name", "b"}})}).status);
  EXPECT_EQ("2", One("SELECT count(*) FROM people"));
}

TEST_P(Opening, NamesWhatIsMissing) {
  Writer writer = People();
  Status status = writer.Plan("nobody", {"id"}, {});
  EXPECT_EQ(Code::kConfig, status.code());
  EXPECT_THAT(status.message(), HasSubstr("nobody"));
  status = writer.Plan("people", {"id"}, {"nothing"});
  EXPECT_EQ(Code::kConfig, status.code());
  EXPECT_THAT(status.message(), HasSubstr("'nothing'"));
  status = writer.Plan("people", {"name"}, {"age"});
  EXPECT_EQ(Code::kConfig, status.code());
  EXPECT_THAT(status.message(), HasSubstr("(name)"));
}

TEST_P(Opening, RefusesAWrongDatabaseWithoutShowingThePassword) {
  SinkOptions options = database_->Options();
  options.database += "_absent";
  Writer writer(options);
  EXPECT_CODE(Code::kConfig, writer.sink().Open());
  if (!database_->has_server()) return;
  options = database_->Options();
  options.password = "not-the-password";
  Writer stranger(options);
  const Status status = stranger.sink().Open();
  EXPECT_CODE(Code::kConfig, status);
  EXPECT_THAT(status.message() + status.hint(), testing::Not(HasSubstr("not-the-password")));
}

TEST_P(Opening, MissingServerIsNotConnectedAndFast) {
  if (!database_->has_server()) GTEST_SKIP() << "a file has no server";
  SinkOptions options = database_->Options();
  options.port = 1;
  Writer writer(options);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_CODE(Code::kNotConnected, writer.sink().Open());
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(3));
}

TEST_P(Opening, AsksForTheExactlyOnceTable) {
  SinkOptions options = database_->Options();
  options.exactly_once_table = "once";
  Writer writer(options);
  const Status status = writer.sink().Open();
  EXPECT_CODE(Code::kConfig, status);
  EXPECT_THAT(status.hint(), HasSubstr("CREATE TABLE"));
}

TEST_P(Opening, DescribesColumns) {
  database_->Run(
      "CREATE TABLE people (id integer PRIMARY KEY, code varchar(7) NOT NULL, price decimal(8,3), small "
      "smallint, "
      "big bigint NOT NULL DEFAULT 5, seen date, UNIQUE (code, small))");
  Writer writer(database_->Options());
  ASSERT_TRUE(writer.Plan("people", {"id"}, {"code", "price"}).ok());
  const std::vector<Column>& columns = writer.catalog().columns;
  ASSERT_EQ(6U, columns.size());
  EXPECT_EQ(TypeKind::kInteger, columns[0].type.kind);
  EXPECT_TRUE(columns[0].primary_key);
  EXPECT_FALSE(columns[0].nullable);
  EXPECT_EQ(TypeKind::kText, columns[1].type.kind);
  EXPECT_FALSE(columns[1].nullable);
  EXPECT_EQ(TypeKind::kNumeric, columns[2].type.kind);
  EXPECT_EQ(TypeKind::kInteger, columns[3].type.kind);
  EXPECT_TRUE(columns[4].has_default);
  EXPECT_EQ(TypeKind::kDate, columns[5].type.kind);
  EXPECT_EQ(2U, writer.catalog().unique_keys.size());
  EXPECT_TRUE(writer.plan().other_unique);
  EXPECT_FALSE(writer.plan().update_first);

  const Catalog before = writer.catalog();
  Catalog after;
  database_->Run("INSERT INTO people (id, code) VALUES (1, 'a')");
  ASSERT_TRUE(writer.sink().Describe({"", "people"}, &after).ok());
  EXPECT_EQ(before, after) << "a row is no change of the table";
  database_->Run("ALTER TABLE people ADD COLUMN more integer");
  ASSERT_TRUE(writer.sink().Describe({"", "people"}, &after).ok());
  EXPECT_NE(before, after);
}

TEST_P(Opening, ExplainsItsStatements) {
  Writer writer = People();
  const std::vector<std::string> statements = writer.sink().Explain(writer.plan());
  ASSERT_EQ(2U, statements.size());
  EXPECT_THAT(statements[0], HasSubstr("INSERT INTO"));
  EXPECT_THAT(statements[1], HasSubstr("DELETE FROM"));
}

WB_EVERY_SQL_SINK(Opening);

}  // namespace
}  // namespace writebehind::test
