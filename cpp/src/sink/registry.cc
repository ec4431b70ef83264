// The sinks that this build has, by the name that jobs and recipes give.
#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "sink/checkpoint.h"
#include "sink/dialect.h"
#include "sink/kinds.h"

namespace writebehind {
namespace {

struct Kind {
  const char* name;
  const char* option;                                 // of the build, that brings the sink back
  std::unique_ptr<Sink> (*make)(const SinkOptions&);  // null: this build lacks it
  std::vector<std::string> (*schema)(const Output&);
  CheckpointSql (*checkpoint)(const TableName&);
};

#ifdef WB_HAVE_POSTGRES
constexpr auto* kMakePostgres = &MakePostgresSink;
#else
constexpr std::unique_ptr<Sink> (*kMakePostgres)(const SinkOptions&) = nullptr;
#endif
#ifdef WB_HAVE_MYSQL
constexpr auto* kMakeMysql = &MakeMysqlSink;
#else
constexpr std::unique_ptr<Sink> (*kMakeMysql)(const SinkOptions&) = nullptr;
#endif
#ifdef WB_HAVE_SQLITE
constexpr auto* kMakeSqlite = &MakeSqliteSink;
#else
constexpr std::unique_ptr<Sink> (*kMakeSqlite)(const SinkOptions&) = nullptr;
#endif

constexpr std::array<Kind, 5> kKinds = {{
    {"mysql", "WB_WITH_MYSQL", kMakeMysql, &mysql_sql::Schema, &mysql_sql::Checkpoint},
    {"null", "", &MakeNullSink, nullptr, nullptr},
    {"postgres", "WB_WITH_POSTGRES", kMakePostgres, &postgres_sql::Schema, &postgres_sql::Checkpoint},
    {"redis", "", &MakeRedisSink, nullptr, nullptr},
    {"sqlite", "WB_WITH_SQLITE", kMakeSqlite, &sqlite_sql::Schema, &sqlite_sql::Checkpoint},
}};

const Kind* Find(const std::string& name) {
  for (const Kind& kind : kKinds) {
    if (name == kind.name) return &kind;
  }
  return nullptr;
}

// What holds a NUL would reach a driver cut off there, as another name.
Status Whole(const SinkOptions& options) {
  const std::pair<const char*, std::string_view> texts[] = {
      {"host", options.host}, {"user", options.user}, {"password", options.password}, {"database", options.database}};
  for (const auto& [what, text] : texts) {
    if (text.find('\0') != std::string_view::npos) return {Code::kConfig, std::string("the ") + what + " of the connection holds a NUL byte"};
  }
  return Status::Ok();
}

Status Unknown(const std::string& name) {
  std::string known;
  for (const Kind& kind : kKinds) known += (known.empty() ? "" : ", ") + std::string(kind.name);
  return {Code::kConfig, "no sink of kind '" + name + "'", "the kinds are: " + known};
}

}  // namespace

Status MakeSink(const SinkOptions& options, std::unique_ptr<Sink>* sink) {
  if (options.make) {
    *sink = options.make(options);
    return Status::Ok();
  }
  const Kind* kind = Find(options.kind);
  if (kind == nullptr) return Unknown(options.kind);
  if (kind->make == nullptr) {
    return {Code::kConfig, "this build has no sink of kind '" + options.kind + "'",
            "install its client library and build with -D" + std::string(kind->option) + "=ON"};
  }
  if (Status status = Whole(options); !status.ok()) return status;
  *sink = kind->make(options);
  return Status::Ok();
}

std::vector<std::string> SinkKinds() {
  std::vector<std::string> kinds;
  for (const Kind& kind : kKinds) {
    if (kind.make != nullptr) kinds.emplace_back(kind.name);
  }
  return kinds;
}

Status SchemaSql(const std::string& name, const Output& output, const std::string& exactly_once_table,
                 std::vector<std::string>* statements) {
  const Kind* kind = Find(name);
  if (kind == nullptr) return Unknown(name);
  statements->clear();
  if (kind->schema == nullptr) return Status::Ok();
  *statements = kind->schema(output);
  if (!exactly_once_table.empty()) {
    statements->push_back(kind->checkpoint(ParseTableName(exactly_once_table)).create_table);
  }
  return Status::Ok();
}

}  // namespace writebehind
