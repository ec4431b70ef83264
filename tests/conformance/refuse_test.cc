// Rows that a database refuses: all of them are named, none is written, and the rest can be.
#include <algorithm>

#include "suite.h"

namespace writebehind::test {
namespace {

using testing::HasSubstr;

class Refusing : public SqlSink {
 protected:
  static std::vector<std::size_t> Rows(const WriteResult& result) {
    std::vector<std::size_t> rows;
    for (const Refusal& refusal : result.refused) rows.push_back(refusal.row);
    std::sort(rows.begin(), rows.end());
    return rows;
  }
};

TEST_P(Refusing, FindsBadRowsAmongMany) {
  database_->Run("CREATE TABLE people (id integer PRIMARY KEY, age integer CHECK (age >= 0))");
  Writer writer(database_->Options());
  ASSERT_TRUE(writer.Plan("people", {"id"}, {"age"}).ok());
  std::vector<Change> changes;
  std::vector<std::size_t> bad;
  for (int i = 0; i < 5000; ++i) {
    const bool is_bad = i == 0 || i == 4999 || (i % 143 == 7);
    if (is_bad) bad.push_back(static_cast<std::size_t>(i));
    changes.push_back(i % 10 == 3 && !is_bad ? Delete(std::to_string(i))
                                             : Put(std::to_string(i), {{"age", is_bad ? "-1" : "1"}}));
  }
  ASSERT_EQ(37U, bad.size());
  const WriteResult result = writer.Write(changes);
  EXPECT_CODE(Code::kRefused, result.status);
  EXPECT_EQ(bad, Rows(result));
  for (const Refusal& refusal : result.refused) {
    ASSERT_EQ(Constraint::kOfRow, refusal.constraint) << refusal.reason;
  }
  EXPECT_EQ("0", One("SELECT count(*) FROM people"));
  for (auto it = bad.rbegin(); it != bad.rend(); ++it)
    changes.erase(changes.begin() + static_cast<std::ptrdiff_t>(*it));
  EXPECT_CODE(Code::kOk, writer.Write(changes).status);
}

TEST_P(Refusing, SaysColumnTypeValueAndReason) {
  database_->Run("CREATE TABLE people (id integer PRIMARY KEY, name varchar(40) NOT NULL, age integer)");
  Writer writer(database_->Options());
  ASSERT_TRUE(writer.Plan("people", {"id"}, {"name", "age"}).ok());
  const WriteResult result = writer.Write({Put("1", {{"name", "a"}}), Put("2", {{"age", "3"}})});
  EXPECT_CODE(Code::kRefused, result.status);
  ASSERT_EQ(1U, result.refused.size());
  EXPECT_EQ(1U, result.refused[0].row);
  EXPECT_EQ("name", result.refused[0].column);
  EXPECT_EQ("NULL", result.refused[0].value);
  EXPECT_FALSE(result.refused[0].type.empty());
  EXPECT_EQ(Constraint::kOfRow, result.refused[0].constraint);
}

TEST_P(Refusing, NeverTouchesTheRowOfAnotherKey) {
  database_->Run("CREATE TABLE people (id integer PRIMARY KEY, name varchar(40) UNIQUE, age integer)");
  Writer writer(database_->Options());
  ASSERT_TRUE(writer.Plan("people", {"id"}, {"name", "age"}).ok());
  EXPECT_TRUE(writer.plan().other_unique);
  EXPECT_CODE(Code::kOk,
              writer.Write({Put("1", {{"name", "a"}, {"age", "1"}}), Put("2", {{"name", "b"}, {"age", "2"}})})
                  .status);
  // A new key, an existing key, and one in a larger batch.
  std::vector<Change> changes = {Put("3", {{"name", "a"}, {"age", "99"}})};
  EXPECT_EQ((std::vector<std::size_t>{0}), Rows(writer.Write(changes)));
  changes = {Put("2", {{"name", "a"}, {"age", "99"}})};
  EXPECT_EQ((std::vector<std::size_t>{0}), Rows(writer.Write(changes)));
  changes.clear();
  for (int i = 10; i < 40; ++i)
    changes.push_back(Put(std::to_string(i), {{"name", "n" + std::to_string(i)}}));
  changes.push_back(Put("4", {{"name", "b"}, {"age", "99"}}));
  const WriteResult result = writer.Write(changes);
  EXPECT_EQ((std::vector<std::size_t>{30}), Rows(result));
  EXPECT_EQ(Constraint::kOfRows, result.refused[0].constraint);
  EXPECT_EQ("0", One("SELECT count(*) FROM people WHERE age = 99"));
  EXPECT_CODE(Code::kOk,
              writer.Write({Put("1", {{"name", "a"}, {"age", "5"}}), Put("2", {{"name", "c"}})}).status);
  EXPECT_EQ("5", One("SELECT age FROM people WHERE id = 1"));
}

TEST_P(Refusing, AUniqueKeyThatMayBeNull) {
  database_->Run("CREATE TABLE people (id integer PRIMARY KEY, name varchar(40) UNIQUE, age integer UNIQUE)");
  if (GetParam() != "sqlite") database_->Run("DROP TABLE people");
  if (GetParam() == "postgres")
    database_->Run(
        "CREATE TABLE people (id serial PRIMARY KEY, name varchar(40) UNIQUE, age integer UNIQUE)");
  if (GetParam() == "mysql")
    database_->Run(
        "CREATE TABLE people (id integer PRIMARY KEY AUTO_INCREMENT, name varchar(40) UNIQUE, age integer "
        "UNIQUE)");
  Writer writer(database_->Options());
  ASSERT_TRUE(writer.Plan("people", {"name"}, {"age"}).ok());
  EXPECT_EQ(1U,
            std::count_if(writer.warnings().begin(), writer.warnings().end(), [](const std::string& warning) {
              return warning.find("not its primary key") != std::string::npos;
            }));
  EXPECT_CODE(Code::kOk, writer.Write({Put("a", {{"age", "1"}}), Put("b", {{"age", "2"}})}).status);
  EXPECT_CODE(Code::kOk, writer.Write({Put("a", {{"age", "3"}}), Put("b", {{"age", "2"}})}).status);
  EXPECT_EQ((std::vector<std::size_t>{1}),
            Rows(writer.Write({Put("x", {{"age", "9"}}), Put("c", {{"age", "2"}})})));
  EXPECT_EQ((std::vector<Cells>{{"a", "3"}, {"b", "2"}}),
            database_->Ask("SELECT name, age FROM people ORDER BY name"));
}

TEST_P(Refusing, AForeignKey) {
  database_->Run("CREATE TABLE people (id integer PRIMARY KEY)");
  database_->Run(
      "CREATE TABLE child (id integer PRIMARY KEY, parent integer, FOREIGN KEY (parent) REFERENCES people "
      "(id))");
  database_->Run("INSERT INTO people VALUES (1)");
  Writer writer(database_->Options());
  ASSERT_TRUE(writer.Plan("child", {"id"}, {"parent"}).ok());
  const WriteResult result =
      writer.Write({Put("1", {{"parent", "1"}}), Put("2", {{"parent", "2"}}), Put("3", {})});
  EXPECT_CODE(Code::kRefused, result.status);
  EXPECT_EQ((std::vector<std::size_t>{1}), Rows(result));
  EXPECT_EQ(Constraint::kForeignKey, result.refused[0].constraint);
  EXPECT_CODE(Code::kOk, writer.Write({Put("1", {{"parent", "1"}})}).status);
  ASSERT_TRUE(writer.Plan("people", {"id"}, {}).ok());
  EXPECT_EQ((std::vector<std::size_t>{1}), Rows(writer.Write({Put("7", {}), Delete("1")})));
}

TEST_P(Refusing, ADeferredConstraint) {
  if (GetParam() == "mysql") GTEST_SKIP() << "it has none";
  database_->Run("CREATE TABLE people (id integer PRIMARY KEY)");
  database_->Run(
      "CREATE TABLE child (id integer PRIMARY KEY, parent integer REFERENCES people (id) DEFERRABLE "
      "INITIALLY DEFERRED)");
  Writer writer(database_->Options());
  ASSERT_TRUE(writer.Plan("child", {"id"}, {"parent"}).ok());
  const WriteResult result =
      writer.Write({Put("1", {}), Put("2", {{"parent", "2"}}), Delete("9"), Put("3", {})});
  EXPECT_CODE(Code::kRefused, result.status);
  EXPECT_EQ((std::vector<std::size_t>{1}), Rows(result));
  EXPECT_EQ("0", One("SELECT count(*) FROM child"));
}

TEST_P(Refusing, ATriggersVeto) {
  database_->Run("CREATE TABLE people (id integer PRIMARY KEY, age integer)");
  if (GetParam() == "postgres") {
    database_->Run(
        "CREATE OR REPLACE FUNCTION veto() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF new.age = 13 THEN "
        "RAISE EXCEPTION 'not thirteen'; END IF; RETURN new; END $$");
    database_->Run(
        "CREATE TRIGGER veto BEFORE INSERT OR UPDATE ON people FOR EACH ROW EXECUTE FUNCTION veto()");
  } else if (GetParam() == "mysql") {
    database_->Run(
        "CREATE TRIGGER veto BEFORE INSERT ON people FOR EACH ROW BEGIN IF new.age = 13 THEN SIGNAL SQLSTATE "
        "'45000' SET MESSAGE_TEXT = 'not thirteen'; END IF; END");
  } else {
    database_->Run(
        "CREATE TRIGGER veto BEFORE INSERT ON people WHEN new.age = 13 BEGIN SELECT RAISE(ABORT, 'not "
        "thirteen'); END");
  }
  Writer writer(database_->Options());
  ASSERT_TRUE(writer.Plan("people", {"id"}, {"age"}).ok());
  const WriteResult result =
      writer.Write({Put("1", {{"age", "12"}}), Put("2", {{"age", "13"}}), Put("3", {{"age", "14"}})});
  EXPECT_CODE(Code::kRefused, result.status);
  ASSERT_EQ((std::vector<std::size_t>{1}), Rows(result));
  EXPECT_THAT(result.refused[0].reason, HasSubstr("not thirteen"));
}

TEST_P(Refusing, ADroppedColumnIsNoRowsFault) {
  Writer writer = People();
  EXPECT_CODE(Code::kOk, writer.Write({Put("1", {{"name", "a"}})}).status);
  database_->Run("ALTER TABLE people DROP COLUMN age");
  const WriteResult result = writer.Write({Put("1", {{"name", "b"}}), Put("2", {{"name", "c"}})});
  EXPECT_CODE(Code::kTransient, result.status);
  EXPECT_THAT(result.status.message(), HasSubstr("age"));
  EXPECT_TRUE(result.refused.empty());
  database_->Run("ALTER TABLE people ADD COLUMN age integer");
  EXPECT_CODE(Code::kOk, writer.Write({Put("1", {{"name", "b"}})}).status);
}

WB_EVERY_SQL_SINK(Refusing);

}  // namespace
}  // namespace writebehind::test
