// What only one kind of database does.
#include "suite.h"

namespace writebehind::test {
namespace {

using testing::Contains;
using testing::HasSubstr;

class Traps : public SqlSink {
 protected:
  void SetUp() override {
    const std::string test = testing::UnitTest::GetInstance()->current_test_info()->name();
    if (test.find(GetParam() == "mysql" ? "Mysql" : GetParam() == "postgres" ? "Postgres" : "Sqlite") != 0) {
      GTEST_SKIP() << "another database's";
    }
    SqlSink::SetUp();
  }

  // A writer on people(id, v), where v has this type.
  Writer Typed(const std::string& type, const std::string& key = "integer") {
    database_->Run("DROP TABLE IF EXISTS people");
    database_->Run("CREATE TABLE people (id " + key + " PRIMARY KEY, v " + type + ")");
    Writer writer(database_->Options());
    const Status status = writer.Plan("people", {"id"}, {"v"});
    EXPECT_TRUE(status.ok()) << status.message();
    return writer;
  }

  // What v is after `value` was written; "refused" where it could not be.
  std::string Becomes(const std::string& type, const std::string& value) {
    Writer writer = Typed(type);
    const WriteResult result = writer.Write({Put("1", {{"v", value}}), Put("2", {})});
    if (result.status.code() == Code::kRefused) {
      EXPECT_EQ(1U, result.refused.size());
      return "refused";
    }
    EXPECT_CODE(Code::kOk, result.status);
    return One("SELECT v FROM people WHERE id = 1");
  }
};

TEST_P(Traps, PostgresTypes) {
  database_->Run("DROP DOMAIN IF EXISTS short");
  database_->Run("DROP TYPE IF EXISTS mood");
  database_->Run("CREATE TYPE mood AS ENUM ('sad', 'o''k', 'a,b')");
  EXPECT_EQ("a,b", Becomes("mood", "a,b"));
  EXPECT_EQ("{1,2}", Becomes("integer[]", "{1,2}"));
  EXPECT_EQ("{\"a b\",\"c\\\"d\"}", Becomes("text[]", "{\"a b\",\"c\\\"d\"}"));
  EXPECT_EQ("refused", Becomes("integer[]", "1,2"));
  EXPECT_EQ("10.0.0.1", Becomes("inet", "10.0.0.1"));
  EXPECT_EQ("refused", Becomes("inet", "10.0.0.1000"));
  EXPECT_EQ("1 day", Becomes("interval", "1 day"));
  EXPECT_EQ("NaN", Becomes("numeric", "nan"));
  EXPECT_EQ("Infinity", Becomes("real", "inf"));
  EXPECT_EQ("101", Becomes("bit(3)", "101"));
  EXPECT_EQ("ab   ", Becomes("char(5)", "ab"));
  EXPECT_EQ("infinity", Becomes("timestamp", "infinity"));
  EXPECT_EQ("{\"a\": 1}", Becomes("jsonb", "{\"a\":1}"));
  EXPECT_EQ("refused", Becomes("jsonb", "\"\\u0000\""));
  EXPECT_EQ("1.24", Becomes("numeric(5,2)", "1.235"));
}

TEST_P(Traps, PostgresNeverCutsATextToItsDomain) {
  database_->Run("DROP DOMAIN IF EXISTS short");
  database_->Run("CREATE DOMAIN short AS varchar(5) CHECK (value <> 'bad')");
  Writer writer = Typed("short");
  EXPECT_EQ(5U, writer.plan().columns[0].type.max_length);
  EXPECT_EQ("refused", Becomes("short", "bad"));
  EXPECT_EQ("12345", Becomes("short", "12345"));
  // The cast refuses it first; the database must too.
  TablePlan plan = writer.plan();
  plan.columns[0].type.max_length = 0;
  plan.id = 1U << 30U;
  const std::vector<Row> rows = writer.Rows({Put("1", {{"v", "12345"}})});
  std::vector<Cell> cells(rows[0].cells.begin(), rows[0].cells.end());
  cells[1].text = "123456";
  std::vector<Row> longer(1);
  longer[0].cells = cells;
  EXPECT_CODE(Code::kRefused, writer.sink().Write({plan, longer, nullptr}).status);
  database_->Run("DROP TABLE people");
  database_->Run("DROP DOMAIN short");
}

TEST_P(Traps, PostgresTwoKeysThatAreOneForIt) {
  database_->Run("DROP TABLE IF EXISTS people");
  database_->Run(
      "CREATE COLLATION IF NOT EXISTS nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = "
      "false)");
  Writer writer = Typed("integer", "text COLLATE nocase");
  EXPECT_THAT(writer.warnings(), Contains(HasSubstr("compares without case")));
  EXPECT_CODE(Code::kOk,
              writer.Write({Put("a", {{"v", "1"}}), Put("b", {{"v", "2"}}), Put("A", {{"v", "3"}})}).status);
  EXPECT_EQ("3", One("SELECT v FROM people WHERE id = 'a'"));
}

TEST_P(Traps, PostgresWarnsOfAsynchronousCommit) {
  Writer writer = People();
  EXPECT_TRUE(writer.sink().Warnings().empty());
  database_->Run("ALTER ROLE wb SET synchronous_commit = off");
  EXPECT_CODE(Code::kOk, writer.sink().Open());
  EXPECT_THAT(writer.sink().Warnings(), Contains(HasSubstr("synchronous_commit")));
  database_->Run("ALTER ROLE wb RESET synchronous_commit");
}

TEST_P(Traps, PostgresSchemasAndPrivileges) {
  database_->Run("CREATE SCHEMA IF NOT EXISTS \"o\"\"ther\"");
  database_->Run("CREATE TABLE IF NOT EXISTS \"o\"\"ther\".people (id integer PRIMARY KEY)");
  Writer writer(database_->Options());
  EXPECT_CODE(Code::kOk, writer.sink().Open());
  Catalog catalog;
  EXPECT_CODE(Code::kOk, writer.sink().Describe({"o\"ther", "people"}, &catalog));
  EXPECT_CODE(Code::kConfig, writer.sink().Describe({"another", "people"}, &catalog));
  database_->Run("DROP SCHEMA \"o\"\"ther\" CASCADE");
}

TEST_P(Traps, MysqlTypes) {
  EXPECT_EQ("18446744073709551615", Becomes("bigint unsigned", "18446744073709551615"));
  EXPECT_EQ("-128", Becomes("tinyint", "-128"));
  EXPECT_EQ("1", Becomes("tinyint(1)", "true"));
  EXPECT_EQ("7", Becomes("tinyint(1)", "7"));
  EXPECT_EQ("b,c", Becomes("enum('a','b,c','d''e')", "b,c"));
  EXPECT_EQ("d'e", Becomes("enum('a','b,c','d''e')", "d'e"));
  EXPECT_EQ("a,c", Becomes("set('a','b','c')", "c,a"));
  EXPECT_EQ("-100:00:00", Becomes("time", "-100:00:00"));
  EXPECT_EQ("2024", Becomes("year", "2024"));
  EXPECT_EQ("123456789012345678901234567890.12",
            Becomes("decimal(40,2)", "123456789012345678901234567890.12"));
  EXPECT_EQ("refused", Becomes("varchar(10) CHARACTER SET latin1", "日本"));
  EXPECT_EQ("refused", Becomes("timestamp NULL", "2500-01-01 00:00:00"));
  EXPECT_EQ("0.1", Becomes("float", "0.1"));
  Writer bits = Typed("bit(9)");
  EXPECT_CODE(Code::kOk, bits.Write({Put("1", {{"v", "257"}})}).status);
  EXPECT_EQ("257", One("SELECT v + 0 FROM people"));
}

TEST_P(Traps, MysqlLargeJson) {
  const std::string text(600U << 10U, 'x');
  Writer writer = Typed("json");
  EXPECT_CODE(
      Code::kOk,
      writer.Write({Put("1", {{"v", "{\"a\": \"" + text + "\"}"}}), Put("2", {{"v", "[1]"}})}).status);
  EXPECT_EQ(std::to_string(text.size()),
            One("SELECT length(json_unquote(json_extract(v, '$.a'))) FROM people WHERE id = 1"));
}

TEST_P(Traps, MysqlZeroIsAKey) {
  Writer writer = Typed("integer", "integer AUTO_INCREMENT");
  EXPECT_CODE(Code::kOk, writer.Write({Put("0", {{"v", "1"}}), Put("5", {{"v", "2"}})}).status);
  const Catalog before = writer.catalog();
  EXPECT_CODE(Code::kOk, writer.Write({Put("0", {{"v", "3"}})}).status);
  EXPECT_EQ("3", One("SELECT v FROM people WHERE id = 0"));
  Catalog after;
  EXPECT_CODE(Code::kOk, writer.sink().Describe({"", "people"}, &after));
  EXPECT_EQ(before, after) << "the counter is no part of the table's definition";
}

TEST_P(Traps, MysqlKeysAreComparedExactly) {
  Writer numbers = Typed("integer", "decimal(30,0)");
  const std::string one = "123456789012345678901234567890";
  const std::string next = "123456789012345678901234567891";
  EXPECT_CODE(Code::kOk, numbers.Write({Put(one, {{"v", "1"}}), Put(next, {{"v", "2"}})}).status);
  EXPECT_CODE(Code::kOk, numbers.Write({Delete(one)}).status);
  EXPECT_EQ((std::vector<Cells>{{next, "2"}}), database_->Ask("SELECT * FROM people"));
  Writer bytes = Typed("integer", "varbinary(20)");
  EXPECT_CODE(
      Code::kOk,
      bytes.Write({Put("\xff\xfe", {{"v", "1"}}), Put("a", {{"v", "2"}}), Put("A", {{"v", "3"}})}).status);
  EXPECT_CODE(Code::kOk, bytes.Write({Delete("\xff\xfe"), Delete("A")}).status);
  EXPECT_EQ((std::vector<Cells>{{"a", "2"}}), database_->Ask("SELECT * FROM people"));
}

TEST_P(Traps, MysqlFoldsKeysAndSaysSo) {
  Writer writer = Typed("integer", "varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci");
  EXPECT_THAT(writer.warnings(), Contains(HasSubstr("compares without case")));
  EXPECT_CODE(Code::kOk,
              writer.Write({Put("a", {{"v", "1"}}), Put("b", {{"v", "2"}}), Put("A", {{"v", "3"}})}).status);
  EXPECT_EQ("3", One("SELECT v FROM people WHERE id = 'a'"));
}

TEST_P(Traps, MysqlRowAboveThePacketLimit) {
  const std::string limit = One("SELECT @@global.max_allowed_packet");
  database_->Run("SET GLOBAL max_allowed_packet = 1048576");
  Writer writer = Typed("longtext");
  const std::string large(1200000, 'x');
  const WriteResult result =
      writer.Write({Put("1", {{"v", "a"}}), Put("2", {{"v", large}}), Put("3", {{"v", "c"}})});
  EXPECT_CODE(Code::kRefused, result.status);
  ASSERT_EQ(1U, result.refused.size());
  EXPECT_EQ(1U, result.refused[0].row);
  EXPECT_EQ("v", result.refused[0].column);
  EXPECT_THAT(result.refused[0].reason, HasSubstr("max_allowed_packet"));
  std::vector<Change> many;
  for (int i = 0; i < 30; ++i) many.push_back(Put(std::to_string(i), {{"v", std::string(200000, 'y')}}));
  EXPECT_CODE(Code::kOk, writer.Write(many).status) << "six packets";
  database_->Run("SET GLOBAL max_allowed_packet = " + limit);
}

TEST_P(Traps, MysqlTableWithoutTransactions) {
  database_->Run("CREATE TABLE people (id integer PRIMARY KEY, v integer) ENGINE=MyISAM");
  Writer plain(database_->Options());
  EXPECT_CODE(Code::kOk, plain.Plan("people", {"id"}, {"v"}));
  EXPECT_FALSE(plain.catalog().transactional);
  Writer exact(ExactlyOnce());
  EXPECT_CODE(Code::kConfig, exact.Plan("people", {"id"}, {"v"}));
  database_->Run("DROP TABLE once");
  database_->Run("CREATE TABLE once (id varchar(200) PRIMARY KEY, val varchar(64)) ENGINE=MyISAM");
  EXPECT_CODE(Code::kConfig, exact.sink().Open());
}

TEST_P(Traps, SqliteKeepsValuesFromItsAffinities) {
  EXPECT_EQ("integer", (Becomes("integer", "5"), One("SELECT typeof(v) FROM people WHERE id = 1")));
  EXPECT_EQ("text", (Becomes("text", "5"), One("SELECT typeof(v) FROM people WHERE id = 1")));
  EXPECT_EQ("real", (Becomes("real", "5"), One("SELECT typeof(v) FROM people WHERE id = 1")));
  EXPECT_EQ("blob", (Becomes("blob", "5"), One("SELECT typeof(v) FROM people WHERE id = 1")));
  EXPECT_EQ("text", (Becomes("", "007"), One("SELECT typeof(v) FROM people WHERE id = 1")));
  EXPECT_EQ("007", Becomes("varchar(2)", "007"));
}

TEST_P(Traps, SqliteFileThatWasReplaced) {
  Writer writer = People();
  EXPECT_CODE(Code::kOk, writer.Write({Put("1", {})}).status);
  const std::string file = database_->Options().database;
  ASSERT_EQ(0, std::rename(file.c_str(), (file + ".old").c_str()));
  EXPECT_CODE(Code::kNotConnected, writer.Write({Put("2", {})}).status);
  EXPECT_CODE(Code::kConfig, writer.sink().Open());
}

TEST_P(Traps, SqliteTriggerThatRollsBack) {
  database_->Run("CREATE TABLE people (id integer PRIMARY KEY, v integer)");
  database_->Run(
      "CREATE TRIGGER veto BEFORE INSERT ON people WHEN new.v = 13 BEGIN SELECT RAISE(ROLLBACK, 'no'); END");
  Writer writer(database_->Options());
  ASSERT_TRUE(writer.Plan("people", {"id"}, {"v"}).ok());
  const WriteResult result =
      writer.Write({Put("1", {{"v", "1"}}), Put("2", {{"v", "13"}}), Put("3", {{"v", "3"}})});
  EXPECT_CODE(Code::kRefused, result.status);
  ASSERT_EQ(1U, result.refused.size());
  EXPECT_EQ(1U, result.refused[0].row);
  EXPECT_CODE(Code::kOk, writer.Write({Put("1", {{"v", "1"}})}).status);
}

WB_EVERY_SQL_SINK(Traps);

}  // namespace
}  // namespace writebehind::test
