// What every conformance test starts from: a database, a table and a sink on it, written to through the
// mapping as the engine does.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "database.h"
#include "transform/mapping.h"
#include "writebehind/sink.h"

namespace writebehind::test {

using Values = std::map<std::string, std::optional<std::string>>;

struct Change {
  std::string key;
  Op op = Op::kUpdate;
  Values values;  // a field that is not named is absent
};

inline Change Put(std::string key, Values values) { return {std::move(key), Op::kUpdate, std::move(values)}; }
inline Change Delete(std::string key) { return {std::move(key), Op::kDelete, {}}; }

// A sink, its plan for one table, and the memory of the rows it is given. Keys are all of the Redis key.
class Writer {
 public:
  explicit Writer(const SinkOptions& options) : options_(options) {
    const Status made = MakeSink(options, &sink_);
    EXPECT_TRUE(made.ok()) << made.message();
  }

  // Opens the sink and plans for `columns`, each filled from the field of its own name.
  Status Plan(const std::string& table, const std::vector<std::string>& keys,
              const std::vector<std::string>& columns, Missing missing = Missing::kNull) {
    Status status = sink_->Open();
    if (!status.ok()) return status;
    output_ = {};
    output_.table.table = table;
    output_.missing = missing;
    for (const std::string& key : keys) output_.keys.push_back({key, ""});
    for (const std::string& column : columns) output_.columns.push_back({column, column, kByName});
    status = sink_->Describe(output_.table, &catalog_);
    return status.ok() ? MakePlan(output_, catalog_, &plan_, &warnings_) : status;
  }

  // The rows of these changes; one that can't be cast fails the test.
  std::vector<Row> Rows(const std::vector<Change>& changes) {
    arena_.Clear();
    changes_ = changes;
    fields_.clear();
    std::vector<Row> rows;
    for (const Change& change : changes_) {
      std::vector<Field>& fields = fields_.emplace_back();
      for (const auto& [name, value] : change.values) {
        fields.push_back({name, value ? std::string_view(*value) : std::string_view(), value.has_value()});
      }
      Record record;
      record.op = change.op;
      record.key = change.key;
      record.fields = fields;
      Row row;
      Refusal refusal;
      EXPECT_TRUE(MapRecord(output_, plan_, record, record.fields, &arena_, &row, &refusal))
          << refusal.column << ": " << refusal.reason;
      rows.push_back(row);
    }
    return rows;
  }

  WriteResult Write(const std::vector<Change>& changes, const CheckpointMove* move = nullptr) {
    const std::vector<Row> rows = Rows(changes);
    return sink_->Write({plan_, rows, move});
  }

  Sink& sink() { return *sink_; }
  const TablePlan& plan() const { return plan_; }
  const Catalog& catalog() const { return catalog_; }
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  SinkOptions options_;
  std::unique_ptr<Sink> sink_;
  Output output_;
  Catalog catalog_;
  TablePlan plan_;
  std::vector<std::string> warnings_;
  RowArena arena_;
  std::vector<Change> changes_;
  std::deque<std::vector<Field>> fields_;
};

// Over every database with tables.
class SqlSink : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    database_ = OpenDatabase(GetParam());
    for (const char* table : {"child", "people", "once"})
      database_->Run("DROP TABLE IF EXISTS \"" + std::string(table) + "\"");
  }

  // people(id, name, age), and a writer on it.
  Writer People(const SinkOptions& options, Missing missing = Missing::kNull) {
    database_->Run(
        "CREATE TABLE IF NOT EXISTS people (id integer PRIMARY KEY, name varchar(40), age integer, note "
        "varchar(40) DEFAULT 'kept')");
    Writer writer(options);
    const Status status = writer.Plan("people", {"id"}, {"name", "age"}, missing);
    EXPECT_TRUE(status.ok()) << status.message() << " " << status.hint();
    return writer;
  }
  Writer People() { return People(database_->Options()); }

  SinkOptions ExactlyOnce() {
    std::vector<std::string> statements;
    Output output;
    output.table.table = "unused";
    output.keys.push_back({"id", ""});
    EXPECT_TRUE(SchemaSql(GetParam(), output, "once", &statements).ok());
    std::string create = statements.back();
    for (char& c : create) c = c == '`' ? '"' : c;
    database_->Run(create);
    SinkOptions options = database_->Options();
    options.exactly_once_table = "once";
    return options;
  }

  std::string One(const std::string& sql) {
    const auto rows = database_->Ask(sql);
    if (rows.empty()) return "no row";
    return rows[0][0].value_or("NULL");
  }

  std::unique_ptr<Database> database_;
};

inline testing::AssertionResult HasCode(const char*, const char* call, Code expected, const Status& status) {
  if (status.code() == expected) return testing::AssertionSuccess();
  return testing::AssertionFailure() << call << ": code " << static_cast<int>(status.code()) << " instead of "
                                     << static_cast<int>(expected) << ", '" << status.message() << "'";
}

inline std::string KindName(const testing::TestParamInfo<std::string>& info) { return info.param; }

}  // namespace writebehind::test

#define WB_EVERY_SQL_SINK(suite)                                                         \
  INSTANTIATE_TEST_SUITE_P(Sinks, suite, testing::Values("sqlite", "postgres", "mysql"), \
                           writebehind::test::KindName)

// The status of a call, its message on failure.
#define EXPECT_CODE(expected, expression) \
  EXPECT_PRED_FORMAT2(::writebehind::test::HasCode, expected, expression)
