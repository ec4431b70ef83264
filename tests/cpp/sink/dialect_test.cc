#include "sink/dialect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "writebehind/sink.h"

namespace writebehind {
namespace {

using testing::HasSubstr;
using testing::Not;

Column Make(const std::string& name, const std::string& cast) {
  Column column;
  column.name = name;
  column.type.cast_name = cast;
  return column;
}

TablePlan Plan() {
  TablePlan plan;
  plan.table = {"s", "t"};
  plan.keys = {Make("id", "integer")};
  plan.columns = {Make("a", "text"), Make("b\"`", "numeric")};
  return plan;
}

TEST(Dialect, QuotesDoubleTheirMark) {
  EXPECT_EQ("\"a\"\"b\"", Quote("a\"b", '"'));
  EXPECT_EQ("`a``b`", Quote("a`b", '`'));
  EXPECT_EQ("\"s\".\"t\"", Quote(TableName{"s", "t"}, '"'));
}

TEST(Dialect, Postgres) {
  Shape shape;
  EXPECT_EQ(
      "INSERT INTO \"s\".\"t\" AS t (\"id\", \"a\", \"b\"\"`\") SELECT u.c0::integer AS c0, u.c1::text AS "
      "c1, u.c2::numeric AS c2"
      " FROM unnest($1::text[], $2::text[], $3::text[]) AS u(c0, c1, c2)"
      " ON CONFLICT (\"id\") DO UPDATE SET \"a\" = excluded.\"a\", \"b\"\"`\" = excluded.\"b\"\"`\"",
      postgres_sql::Write(Plan(), shape, nullptr));
  shape.kept = {true, true};
  EXPECT_THAT(postgres_sql::Write(Plan(), shape, nullptr), HasSubstr("ON CONFLICT (\"id\") DO NOTHING"));
  shape = {};
  shape.is_delete = true;
  const TableName once{"", "once"};
  const std::string sql = postgres_sql::Write(Plan(), shape, &once);
  EXPECT_THAT(
      sql,
      HasSubstr("UPDATE \"once\" SET \"val\" = $2::text WHERE \"id\" = $3::text AND \"val\" = $4::text"));
  EXPECT_THAT(sql, HasSubstr("WHERE EXISTS (SELECT 1 FROM moved)"));
}

TEST(Dialect, MysqlGuardsRowsOfOtherKeys) {
  TablePlan plan = Plan();
  EXPECT_EQ(
      "INSERT INTO `s`.`t` (`id`, `a`, `b\"```) VALUES (?,?,?),(?,?,?) ON DUPLICATE KEY UPDATE `id` = "
      "IF(`id` <=> VALUES(`id`), `id`, (SELECT NULL UNION ALL SELECT NULL)), `a` = VALUES(`a`), "
      "`b\"``` = VALUES(`b\"```)",
      mysql_sql::Upsert(plan, {}, 2));
  EXPECT_EQ("DELETE FROM `s`.`t` WHERE `id` IN (?,?)", mysql_sql::Delete(plan, 2));
  plan.keys.push_back(Make("k", "decimal"));
  plan.keys[1].type.kind = TypeKind::kNumeric;
  plan.keys[1].type.precision = 20;
  EXPECT_EQ("DELETE FROM `s`.`t` WHERE (`id` = ? AND `k` = CAST(? AS DECIMAL(20,0)))",
            mysql_sql::Delete(plan, 1));
}

TEST(Dialect, KeptColumnsAreNotNamed) {
  Shape shape;
  shape.kept = {true, false};
  for (const std::string& sql : {postgres_sql::Write(Plan(), shape, nullptr),
                                 sqlite_sql::Upsert(Plan(), shape), mysql_sql::Upsert(Plan(), shape, 1)}) {
    EXPECT_THAT(sql, Not(testing::AnyOf(HasSubstr("\"a\""), HasSubstr("`a`")))) << sql;
  }
}

TEST(Dialect, SchemaForEveryKind) {
  Output output;
  output.table = {"", "people"};
  output.keys = {{"id", "person:"}};
  output.columns = {{"name", "n", 0}};
  for (const std::string& kind : SinkKinds()) {
    std::vector<std::string> statements;
    ASSERT_TRUE(SchemaSql(kind, output, "s.once", &statements).ok());
    if (kind == "null" || kind == "redis") {  // neither has tables
      EXPECT_TRUE(statements.empty());
      continue;
    }
    ASSERT_EQ(2U, statements.size());
    EXPECT_THAT(statements[0], HasSubstr("PRIMARY KEY"));
    EXPECT_THAT(statements[1], HasSubstr("once"));
  }
  std::vector<std::string> none;
  EXPECT_EQ(Code::kConfig, SchemaSql("oracle", output, "", &none).code());
  std::unique_ptr<Sink> sink;
  SinkOptions options;
  options.kind = "oracle";
  EXPECT_EQ(Code::kConfig, MakeSink(options, &sink).code());
}

}  // namespace
}  // namespace writebehind
