// Upserts and deletes: which rows, which columns, which bytes.
#include <chrono>

#include "suite.h"

namespace writebehind::test {
namespace {

class Writing : public SqlSink {};

TEST_P(Writing, InsertsUpdatesAndDeletes) {
  Writer writer = People();
  EXPECT_CODE(Code::kOk, writer.Write({}).status);
  EXPECT_CODE(Code::kOk,
              writer.Write({Put("1", {{"name", "a"}, {"age", "10"}}), Put("2", {{"name", "b"}})}).status);
  EXPECT_CODE(Code::kOk, writer
                             .Write({Put("1", {{"name", "c"}}), Delete("2"),
                                     Put("3", {{"name", "d"}, {"age", "-5"}}), Delete("99")})
                             .status);
  EXPECT_EQ((std::vector<Cells>{{"1", "c", std::nullopt, "kept"}, {"3", "d", "-5", "kept"}}),
            database_->Ask("SELECT id, name, age, note FROM people ORDER BY id"));
}

TEST_P(Writing, SameRowsTwiceAreTheSameTable) {
  Writer writer = People();
  const std::vector<Change> changes = {Put("1", {{"name", "a"}}), Delete("2"), Put("3", {{"age", "3"}})};
  for (int i = 0; i < 3; ++i) EXPECT_CODE(Code::kOk, writer.Write(changes).status);
  EXPECT_EQ("2", One("SELECT count(*) FROM people"));
}

TEST_P(Writing, LeavesUnmappedColumnsAlone) {
  Writer writer = People();
  database_->Run("INSERT INTO people (id, name, note) VALUES (1, 'old', 'mine')");
  EXPECT_CODE(Code::kOk, writer.Write({Put("1", {{"name", "new"}})}).status);
  EXPECT_EQ("mine", One("SELECT note FROM people WHERE name = 'new'"));
}

TEST_P(Writing, KeepsWhatTheHashLacks) {
  Writer writer = People(database_->Options(), Missing::kKeep);
  EXPECT_CODE(Code::kOk,
              writer.Write({Put("1", {{"name", "a"}, {"age", "1"}}), Put("2", {{"name", "b"}}), Put("3", {})})
                  .status);
  EXPECT_CODE(Code::kOk, writer
                             .Write({Put("1", {{"name", "c"}}), Put("2", {{"age", "2"}}), Put("3", {}),
                                     Put("4", {{"age", "4"}}), Delete("5")})
                             .status);
  EXPECT_EQ(
      (std::vector<Cells>{
          {"1", "c", "1"}, {"2", "b", "2"}, {"3", std::nullopt, std::nullopt}, {"4", std::nullopt, "4"}}),
      database_->Ask("SELECT id, name, age FROM people ORDER BY id"));
}

TEST_P(Writing, AReplacedRowKeepsNothing) {
  Writer writer = People(database_->Options(), Missing::kKeep);
  EXPECT_CODE(Code::kOk,
              writer.Write({Put("1", {{"name", "a"}, {"age", "1"}}), Put("2", {{"age", "2"}})}).status);
  database_->Run("UPDATE people SET note = 'mine'");
  std::vector<Row> rows = writer.Rows({Put("1", {{"name", "b"}}), Put("2", {{"name", "c"}}), Put("3", {})});
  rows[0].replaces = rows[2].replaces = true;
  EXPECT_CODE(Code::kOk, writer.sink().Write({writer.plan(), rows, nullptr}).status);
  EXPECT_EQ((std::vector<Cells>{{"1", "b", std::nullopt, "kept"},
                                {"2", "c", "2", "mine"},
                                {"3", std::nullopt, std::nullopt, "kept"}}),
            database_->Ask("SELECT id, name, age, note FROM people ORDER BY id"));
}

TEST_P(Writing, CompositeAndTextKeys) {
  database_->Run("CREATE TABLE people (a varchar(20), b integer, v text, PRIMARY KEY (b, a))");
  Writer writer(database_->Options());
  ASSERT_TRUE(writer.Plan("people", {"a"}, {"v"}).code() == Code::kConfig);
  // Both key columns hold the same text here: what matters is that two columns make one key.
  database_->Run("DROP TABLE people");
  database_->Run("CREATE TABLE people (a varchar(20), b integer, v text, PRIMARY KEY (b, a))");
  ASSERT_TRUE(writer.Plan("people", {"a", "b"}, {"v"}).ok());
  EXPECT_CODE(Code::kOk,
              writer.Write({Put("1", {{"v", "x"}}), Put("2", {{"v", "y"}}), Put("3", {{"v", "z"}})}).status);
  EXPECT_CODE(Code::kOk, writer.Write({Put("1", {{"v", "x2"}}), Delete("2"), Delete("3")}).status);
  EXPECT_EQ((std::vector<Cells>{{"1", "1", "x2"}}), database_->Ask("SELECT a, b, v FROM people"));
}

TEST_P(Writing, QuotesEveryName) {
  const std::string table = "people";
  const std::string evil = "ev'il\"\"; DROP TABLE people; --`";  // as it stands between double quotes
  const std::string name = "ev'il\"; DROP TABLE people; --`";
  database_->Run("CREATE TABLE people (\"select\" integer PRIMARY KEY, \"order\" varchar(40), \"" + evil +
                 "\" varchar(40))");
  Writer writer(database_->Options());
  ASSERT_TRUE(writer.Plan(table, {"select"}, {"order", name}).ok());
  EXPECT_CODE(Code::kOk, writer.Write({Put("1", {{"order", "a"}, {name, "b"}}), Put("2", {})}).status);
  EXPECT_CODE(Code::kOk, writer.Write({Put("1", {{"order", "c"}, {name, "d"}}), Delete("2")}).status);
  EXPECT_EQ((std::vector<Cells>{{"1", "c", "d"}}), database_->Ask("SELECT * FROM people"));
}

TEST_P(Writing, KeepsEveryText) {
  Writer writer = People();
  const std::vector<std::string> texts = {"",
                                          " ",
                                          "'",
                                          "''",
                                          "\"",
                                          "\\",
                                          "\\'",
                                          "\\\\",
                                          "NULL",
                                          "null",
                                          "{",
                                          "}",
                                          "{a,b}",
                                          ",",
                                          "'; DROP TABLE people; --",
                                          "%s ? $1 :a",
                                          "Zoë",
                                          "日本語",
                                          "😀\U0001F9D1\u200D\U0001F680",
                                          "a\nb\r\tc",
                                          "\x01\x7f",
                                          "x' OR 'x' = 'x",
                                          "/* */ #"};
  std::vector<Change> changes;
  for (std::size_t i = 0; i < texts.size(); ++i)
    changes.push_back(Put(std::to_string(i), {{"name", texts[i]}}));
  EXPECT_CODE(Code::kOk, writer.Write(changes).status);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(texts[i], One("SELECT name FROM people WHERE id = " + std::to_string(i)));
  }
}

TEST_P(Writing, KeepsEveryByteAndLargeValues) {
  const std::string big = GetParam() == "mysql" ? "longblob" : database_->bytes_type();
  const std::string text = GetParam() == "mysql" ? "longtext" : "text";
  database_->Run("CREATE TABLE people (id integer PRIMARY KEY, raw " + big + ", words " + text + ")");
  Writer writer(database_->Options());
  ASSERT_TRUE(writer.Plan("people", {"id"}, {"raw", "words"}).ok());
  std::string every;
  for (int i = 0; i < 256; ++i) every += static_cast<char>(i);
  std::string large;
  while (large.size() < (1U << 20U)) large += every;
  std::string long_text;
  while (long_text.size() < (1U << 20U)) long_text += "größer ";
  EXPECT_CODE(Code::kOk, writer
                             .Write({Put("1", {{"raw", every}, {"words", "a"}}),
                                     Put("2", {{"raw", large}, {"words", long_text}}),
                                     Put("3", {{"raw", ""}, {"words", ""}}), Put("4", {})})
                             .status);
  EXPECT_EQ(std::to_string(every.size()), One("SELECT length(raw) FROM people WHERE id = 1"));
  EXPECT_THAT(One("SELECT " + database_->hex("raw") + " FROM people WHERE id = 1"),
              testing::StartsWith("000102030405"));
  EXPECT_EQ(std::to_string(large.size()), One("SELECT length(raw) FROM people WHERE id = 2"));
  EXPECT_EQ(long_text, One("SELECT words FROM people WHERE id = 2"));
  EXPECT_EQ("0", One("SELECT length(raw) FROM people WHERE id = 3"));
  EXPECT_EQ("NULL", One("SELECT raw FROM people WHERE id = 4"));
}

TEST_P(Writing, WritesEachType) {
  database_->Run(
      "CREATE TABLE people (id bigint PRIMARY KEY, yes boolean, price decimal(8,2), ratio double precision, "
      "day date, at " +
      database_->timestamp_type() + ", doc json)");
  Writer writer(database_->Options());
  ASSERT_TRUE(writer.Plan("people", {"id"}, {"yes", "price", "ratio", "day", "at", "doc"}).ok());
  EXPECT_CODE(Code::kOk, writer
                             .Write({Put("9223372036854775807", {{"yes", "True"},
                                                                 {"price", "1e2"},
                                                                 {"ratio", "0.1"},
                                                                 {"day", "2024-02-29"},
                                                                 {"at", "2024-02-29T23:59:59.5+02:00"},
                                                                 {"doc", "{\"a\": [1, \"ü\"]}"}})})
                             .status);
  EXPECT_EQ("9223372036854775807",
            One("SELECT id FROM people WHERE price = 100 AND ratio = 0.1 AND day = '2024-02-29'"));
  EXPECT_THAT(One("SELECT yes FROM people"), testing::AnyOf("1", "t"));
  EXPECT_THAT(One("SELECT at FROM people"), testing::StartsWith("2024-02-29 21:59:59.5"));
  EXPECT_EQ("{\"a\": [1, \"ü\"]}", One("SELECT doc FROM people"));
}

TEST_P(Writing, ADeleteMakesRoomForAUniqueValue) {
  database_->Run("CREATE TABLE people (id integer PRIMARY KEY, name varchar(40) UNIQUE)");
  Writer writer(database_->Options());
  ASSERT_TRUE(writer.Plan("people", {"id"}, {"name"}).ok());
  EXPECT_CODE(Code::kOk, writer.Write({Put("1", {{"name", "a"}})}).status);
  EXPECT_CODE(Code::kOk, writer.Write({Put("2", {{"name", "a"}}), Delete("1")}).status);
  EXPECT_EQ((std::vector<Cells>{{"2", "a"}}), database_->Ask("SELECT * FROM people"));
}

TEST_P(Writing, UpdatesFirstWhereAnInsertWouldFail) {
  database_->Run("CREATE TABLE people (id integer PRIMARY KEY, name varchar(40), must integer NOT NULL)");
  database_->Run("INSERT INTO people VALUES (1, 'old', 7), (2, 'old', 8)");
  Writer writer(database_->Options());
  ASSERT_TRUE(writer.Plan("people", {"id"}, {"name"}).ok());
  EXPECT_TRUE(writer.plan().update_first);
  EXPECT_CODE(Code::kOk, writer.Write({Put("1", {{"name", "new"}}), Put("2", {{"name", "old"}})}).status);
  EXPECT_EQ("7", One("SELECT must FROM people WHERE name = 'new'"));
  const WriteResult result = writer.Write({Put("1", {{"name", "newer"}}), Put("3", {{"name", "x"}})});
  EXPECT_CODE(Code::kRefused, result.status);
  ASSERT_EQ(1U, result.refused.size());
  EXPECT_EQ(1U, result.refused[0].row);
  EXPECT_EQ("new", One("SELECT name FROM people WHERE id = 1")) << "nothing was committed";
}

TEST_P(Writing, ManyRowsInOneBatch) {
  Writer writer = People();
  std::vector<Change> changes;
  for (int i = 0; i < 5000; ++i)
    changes.push_back(
        Put(std::to_string(i), {{"name", "n" + std::to_string(i)}, {"age", std::to_string(i % 90)}}));
  for (int round = 0; round < 2; ++round) EXPECT_CODE(Code::kOk, writer.Write(changes).status);
  EXPECT_EQ("5000", One("SELECT count(*) FROM people WHERE name LIKE 'n%'"));
  for (std::size_t i = 0; i < changes.size(); i += 2) changes[i] = Delete(changes[i].key);
  EXPECT_CODE(Code::kOk, writer.Write(changes).status);
  EXPECT_EQ("2500", One("SELECT count(*) FROM people"));
}

TEST_P(Writing, ASecondWriterSeesTheLockEnd) {
  Writer first = People();
  Writer second = People();
  for (int i = 0; i < 20; ++i) {
    EXPECT_CODE(Code::kOk, first.Write({Put("1", {{"age", std::to_string(i)}})}).status);
    EXPECT_CODE(Code::kOk, second.Write({Put("1", {{"age", std::to_string(i + 100)}})}).status);
  }
  EXPECT_EQ("119", One("SELECT age FROM people"));
}

WB_EVERY_SQL_SINK(Writing);

}  // namespace
}  // namespace writebehind::test
