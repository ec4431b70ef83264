#include "writebehind/definition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace writebehind {
namespace {

constexpr char kWhole[] =
    R"({"version": "1.0.0", "pattern": "person:*", "events": ["hset", "del"], "expired": "keep",
 "fields": ["first_name", "age"],
 "outputs": [{"name": "0", "schema": "", "table": "persons",
              "keys": [{"column": "person_id", "key_prefix": "person:"}],
              "columns": [{"column": "first", "field": "first_name"}, {"column": "age", "field": "age"}],
              "missing": "null"}]})";

TEST(Definition, ReadsTheProtocolsExample) {
  Definition definition;
  ASSERT_TRUE(Definition::Parse(kWhole, 7, &definition).ok());
  EXPECT_EQ(7U, definition.serial);
  EXPECT_EQ("person:*", definition.pattern);
  ASSERT_EQ(1U, definition.outputs.size());
  const Output& output = definition.outputs[0];
  EXPECT_EQ("persons", output.table.table);
  EXPECT_EQ((std::vector<KeyColumn>{{"person_id", "person:"}}), output.keys);
  EXPECT_EQ((std::vector<MappedColumn>{{"first", "first_name", 0}, {"age", "age", 1}}), output.columns);
  EXPECT_EQ(Missing::kNull, output.missing);
}

TEST(Definition, FillsDefaults) {
  Definition definition;
  ASSERT_TRUE(Definition::Parse(R"({"pattern": "*", "outputs": [
      {"table": "a", "keys": [{"column": "id"}], "columns": [{"column": "x", "field": "y"}]},
      {"table": "b", "keys": [{"column": "id"}], "missing": "keep"}]})",
                                1, &definition)
                  .ok());
  EXPECT_EQ("0", definition.outputs[0].name);
  EXPECT_EQ("1", definition.outputs[1].name);
  EXPECT_EQ("", definition.outputs[0].keys[0].key_prefix);
  EXPECT_EQ(kByName, definition.outputs[0].columns[0].index);
  EXPECT_EQ(Missing::kKeep, definition.outputs[1].missing);
}

TEST(Definition, AKeyColumnIsTheRedisKeyOrAField) {
  Definition definition;
  const Status status = Definition::Parse(
      R"({"pattern": "*", "fields": ["a", "c"], "outputs": [{"table": "t", "keys": [{"column": "id", "key_prefix": "p:"}, {"column": "country", "field": "c"}]}]})",
      1, &definition);
  ASSERT_TRUE(status.ok()) << status.message();
  const Output& output = definition.outputs[0];
  EXPECT_EQ((KeyColumn{"id", "p:"}), output.keys[0]);
  EXPECT_EQ((KeyColumn{"country", "", "c", 1}), output.keys[1]);
  EXPECT_TRUE(output.has_field_keys());
}

TEST(Definition, NamesWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "not a JSON object"},
      {"[]", "not a JSON object"},
      {R"({"outputs": []})", "pattern is missing"},
      {R"({"pattern": 1})", "pattern is not a string"},
      {R"({"pattern": "*"})", "outputs is missing"},
      {R"({"pattern": "*", "outputs": []})", "outputs is empty"},
      {R"({"pattern": "*", "outputs": [1]})", "outputs[0] is not an object"},
      {R"({"pattern": "*", "outputs": [{"keys": [{"column": "a"}]}]})", "outputs[0].table is missing"},
      {R"({"pattern": "*", "outputs": [{"table": "t"}]})", "outputs[0].keys is missing"},
      {R"({"pattern": "*", "outputs": [{"table": "t", "keys": [{}]}]})",
       "outputs[0].keys[0].column is missing"},
      {R"({"pattern": "*", "outputs": [{"table": "t\u0000", "keys": [{"column": "a"}]}]})", "NUL"},
      {R"({"pattern": "*", "outputs": [{"table": "t", "keys": [{"column": "a"}], "missing": "x"}]})",
       "missing"},
      {R"({"pattern": "*", "fields": ["f"], "outputs": [{"table": "t", "keys": [{"column": "a"}], "columns": [{"column": "b", "field": "g"}]}]})",
       "'g'"},
      {R"({"pattern": "*", "outputs": [{"table": "t", "keys": [{"column": "a"}], "columns": [{"column": "a", "field": "g"}]}]})",
       "'a' is there twice"},
      {R"({"pattern": "*", "fields": ["f"], "outputs": [{"table": "t", "keys": [{"column": "a", "field": "g"}]}]})",
       "outputs[0].keys[0].field 'g'"},
      {R"({"pattern": "*", "outputs": [{"table": "t", "keys": [{"column": "a", "field": ""}]}]})", "keys[0].field is empty"},
      {R"({"pattern": "*", "outputs": [{"table": "t", "keys": [{"column": "a", "field": "g", "key_prefix": ""}]}]})", "both"},
      {R"({"pattern": "*", "fields": [1], "outputs": [{"table": "t", "keys": [{"column": "a"}]}]})",
       "fields"},
  };
  for (const auto& [json, expected] : cases) {
    Definition definition;
    const Status status = Definition::Parse(json, 1, &definition);
    EXPECT_EQ(Code::kConfig, status.code()) << json;
    EXPECT_THAT(status.message(), testing::HasSubstr(expected)) << json;
  }
}

}  // namespace
}  // namespace writebehind
