// SQLite: one prepared statement a row, inside one transaction. A failed row is undone by SQLite alone, so
// the refused rows are known exactly and nothing is searched.
#include <sqlite3.h>

#include <atomic>
#include <charconv>
#include <filesystem>
#include <limits>
#include <map>
#include <mutex>

#include "sink/catalog_reader.h"
#include "sink/checkpoint.h"
#include "sink/dialect.h"
#include "sink/groups.h"
#include "sink/kinds.h"
#include "sink/refusal.h"

namespace writebehind {
namespace {

using Clock = std::chrono::steady_clock;

struct CloseDatabase {
  void operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;
using Prepared = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

constexpr std::size_t kMostStatements = 64;

// A failed call, on its way to the function that makes a Status of it.
struct Failure {
  int code;
  std::string message;
};

bool IsRefusal(int code) {
  const int primary = code & 0xFF;
  return primary == SQLITE_CONSTRAINT || primary == SQLITE_MISMATCH || primary == SQLITE_TOOBIG;
}

void Bind(sqlite3_stmt* statement, int at, const ColumnType& type, const Cell& cell) {
  const std::string_view text = cell.text;
  const auto size = static_cast<sqlite3_uint64>(text.size());
  const char* data = text.empty() ? "" : text.data();
  if (cell.state != Cell::State::kValue) {
    sqlite3_bind_null(statement, at);
    return;
  }
  // As the type they have: a text would be turned by the column's affinity, and not always without loss.
  if (type.kind == TypeKind::kInteger || type.kind == TypeKind::kBoolean || type.kind == TypeKind::kNumeric) {
    sqlite3_int64 integer = 0;
    const auto [end, error] = std::from_chars(data, data + size, integer);
    if (error == std::errc{} && end == data + size) {
      sqlite3_bind_int64(statement, at, integer);
      return;
    }
  }
  if (type.kind == TypeKind::kFloat || type.kind == TypeKind::kNumeric) {
    double number = 0;
    const auto [end, error] = std::from_chars(data, data + size, number);
    if (error == std::errc{} && end == data + size) {
      sqlite3_bind_double(statement, at, number);
      return;
    }
  }
  if (type.kind == TypeKind::kBytes) {
    sqlite3_bind_blob64(statement, at, data, size, SQLITE_STATIC);
  } else {
    sqlite3_bind_text64(statement, at, data, size, SQLITE_STATIC, SQLITE_UTF8);
  }
}

// What writes a row of one shape; the second only where the first changed nothing.
struct Statements {
  sqlite3_stmt* first = nullptr;
  sqlite3_stmt* second = nullptr;
};

class SqliteSink final : public Sink {
 public:
  explicit SqliteSink(const SinkOptions& options) : options_(options) {
    if (!options_.exactly_once_table.empty()) {
      table_ = ParseTableName(options_.exactly_once_table);
      checkpoint_.emplace(sqlite_sql::Checkpoint(table_));
    }
  }
  ~SqliteSink() override { Close(); }

  Status Open() override;
  Status Describe(const TableName& table, Catalog* catalog) override;
  Status LoadCheckpoint(const std::string& id, StreamId* position) override;
  WriteResult Write(const WriteRequest& request) override;
  void ForgetCheckpoint(const std::string& id) override;
  std::vector<std::string> Explain(const TablePlan& plan) override;
  void Cancel() noexcept override;
  void Close() noexcept override;

 private:
  static int OnBusy(void* self, int tries);
  [[noreturn]] void Fail(int code) const { throw Failure{code, sqlite3_errmsg(db_.get())}; }
  void Execute(const char* sql);
  std::vector<Texts> Query(const std::string& sql, const std::vector<std::string>& parameters);
  Prepared Prepare(const std::string& sql, unsigned flags);
  template <typename MakeSql>
  sqlite3_stmt* Cached(const TablePlan& plan, const std::string& name, const MakeSql& sql);
  Statements PrepareShape(const TablePlan& plan, const Shape& shape);
  void RunRow(sqlite3_stmt* statement, const TablePlan& plan, const Row& row);
  void WriteRow(const Statements& statements, const TablePlan& plan, const Row& row);
  bool MoveCheckpoint(const CheckpointMove& move, Status* judged);
  void WriteRows(const WriteRequest& request, bool each_alone, std::vector<Refusal>* refused);
  WriteResult Transaction(const WriteRequest& request, bool each_alone);
  bool Unresolved() const;
  void Rollback() noexcept;
  void StartCall();
  [[nodiscard]] Status ToStatus(const Failure& failure, Code other) const;

  const SinkOptions options_;
  TableName table_;
  std::optional<CheckpointSql> checkpoint_;
  std::mutex mutex_;  // guards db_ against Cancel
  Database db_;
  std::map<std::string, Prepared> statements_;
  std::atomic<bool> cancelled_{false};
  Clock::time_point deadline_;
};

int SqliteSink::OnBusy(void* self, int tries) {
  auto* sink = static_cast<SqliteSink*>(self);
  if (sink->cancelled_ || Clock::now() > sink->deadline_) return 0;
  sqlite3_sleep(tries < 10 ? 1 : 10);
  return 1;
}

void SqliteSink::StartCall() {
  cancelled_ = false;
  const auto most = options_.statement_timeout.count() > 0 ? options_.statement_timeout : std::chrono::hours(24);
  deadline_ = Clock::now() + most;
}

Status SqliteSink::ToStatus(const Failure& failure, Code other) const {
  const std::string message = "sqlite " + options_.database + ": " + OneLine(failure.message);
  switch (failure.code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return {Code::kTransient, message, "another process holds the file's write lock"};
    case SQLITE_CANTOPEN: return {Code::kNotConnected, message};
    case SQLITE_INTERRUPT: return {Code::kTransient, message};
    default: return {other, message};
  }
}

void SqliteSink::Execute(const char* sql) {
  const int code = sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) Fail(code);
}

Prepared SqliteSink::Prepare(const std::string& sql, unsigned flags) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(db_.get(), sql.c_str(), static_cast<int>(sql.size() + 1), flags, &statement, nullptr);
  if (code != SQLITE_OK) Fail(code);
  return Prepared(statement);
}

template <typename MakeSql>
sqlite3_stmt* SqliteSink::Cached(const TablePlan& plan, const std::string& name, const MakeSql& sql) {
  Prepared& statement = statements_[std::to_string(plan.id) + name];
  if (!statement) statement = Prepare(sql(), SQLITE_PREPARE_PERSISTENT);
  return statement.get();
}

Statements SqliteSink::PrepareShape(const TablePlan& plan, const Shape& shape) {
  const std::string name = shape.Name();
  if (shape.is_delete) return {Cached(plan, name, [&] { return sqlite_sql::Delete(plan); })};
  if (!shape.UpdateFirst(plan)) return {Cached(plan, name, [&] { return sqlite_sql::Upsert(plan, shape); })};
  sqlite3_stmt* insert = Cached(plan, name + "+", [&] { return sqlite_sql::Insert(plan, shape); });
  if (sqlite_sql::Update(plan, shape).empty()) return {insert};
  return {Cached(plan, name + "=", [&] { return sqlite_sql::Update(plan, shape); }), insert};
}

std::vector<Texts> SqliteSink::Query(const std::string& sql, const std::vector<std::string>& parameters) {
  const Prepared statement = Prepare(sql, 0);
  int at = 0;
  for (const std::string& text : parameters) {
    sqlite3_bind_text64(statement.get(), ++at, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  std::vector<Texts> rows;
  int code = 0;
  while ((code = sqlite3_step(statement.get())) == SQLITE_ROW) {
    Texts& row = rows.emplace_back();
    for (int i = 0; i < sqlite3_column_count(statement.get()); ++i) {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement.get(), i));
      row.push_back(text == nullptr ? std::nullopt : std::optional<std::string>(text));
    }
  }
  if (code != SQLITE_DONE) Fail(code);
  return rows;
}

Status SqliteSink::Open() {
  Close();
  StartCall();
  std::error_code ignored;
  if (!std::filesystem::exists(options_.database, ignored)) {
    return {Code::kConfig, "sqlite: no file '" + options_.database + "'", "create the file and its tables first"};
  }
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(options_.database.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  {
    const std::lock_guard lock(mutex_);
    db_.reset(opened);
  }
  try {
    if (code != SQLITE_OK) Fail(code);
    sqlite3_extended_result_codes(opened, 1);
    sqlite3_busy_handler(opened, &SqliteSink::OnBusy, this);
    Execute("PRAGMA journal_mode=WAL");
    Execute("PRAGMA synchronous=FULL");
    Execute("PRAGMA foreign_keys=ON");
    if (sqlite3_db_readonly(opened, "main") == 1) throw Failure{SQLITE_READONLY, "the file can't be written"};
    if (checkpoint_ && Query("SELECT 1 FROM pragma_table_info(?1) WHERE name IN ('id', 'val') LIMIT 2", {table_.table}).size() < 2) {
      return MissingCheckpointTable(options_.exactly_once_table, checkpoint_->create_table);
    }
  } catch (const Failure& failure) {
    Status status = ToStatus(failure, Code::kConfig);
    Close();
    if (status.code() == Code::kNotConnected) return {Code::kConfig, status.message()};
    return status;
  }
  return Status::Ok();
}

Status SqliteSink::Describe(const TableName& table, Catalog* catalog) {
  if (!db_) return {Code::kNotConnected, "sqlite: not open"};
  StartCall();
  try {
    return ReadSqliteCatalog([this](const auto& sql, const auto& parameters) { return Query(sql, parameters); }, table, catalog);
  } catch (const Failure& failure) {
    return ToStatus(failure, Code::kConfig);
  }
}

Status SqliteSink::LoadCheckpoint(const std::string& id, StreamId* position) {
  *position = {};
  if (!checkpoint_) return Status::Ok();
  if (!db_) return {Code::kNotConnected, "sqlite: not open"};
  StartCall();
  try {
    Query(checkpoint_->create, {id, StreamId{}.ToString(), id});
    const auto rows = Query(checkpoint_->read, {id});
    if (rows.size() != 1 || !rows[0][0]) return {Code::kConfig, "checkpoint '" + id + "' is not one row"};
    return ReadCheckpoint(id, *rows[0][0], position);
  } catch (const Failure& failure) {
    return ToStatus(failure, Code::kTransient);
  }
}

void SqliteSink::ForgetCheckpoint(const std::string& id) {
  if (!checkpoint_ || !db_) return;
  StartCall();
  try {
    Query(checkpoint_->forget, {id});
  } catch (const Failure&) {
    return;  // it is only a row too many
  }
}

void SqliteSink::RunRow(sqlite3_stmt* statement, const TablePlan& plan, const Row& row) {
  const auto parameters = static_cast<std::size_t>(sqlite3_bind_parameter_count(statement));
  for (std::size_t i = 0; i < parameters; ++i) Bind(statement, static_cast<int>(i + 1), plan.column(i).type, row.cells[i]);
  const int code = sqlite3_step(statement);
  if (code == SQLITE_DONE) {
    sqlite3_reset(statement);
    return;
  }
  const Failure failure{code, sqlite3_errmsg(db_.get())};
  sqlite3_reset(statement);
  throw failure;
}

void SqliteSink::WriteRow(const Statements& statements, const TablePlan& plan, const Row& row) {
  RunRow(statements.first, plan, row);
  if (statements.second != nullptr && sqlite3_changes(db_.get()) == 0) RunRow(statements.second, plan, row);
}

// Deferred foreign keys that some row left open; they would fail the COMMIT as a whole.
bool SqliteSink::Unresolved() const {
  int open = 0;
  int highest = 0;
  sqlite3_db_status(db_.get(), SQLITE_DBSTATUS_DEFERRED_FKS, &open, &highest, 0);
  return open != 0;
}

// `each_alone`: a row that leaves a foreign key open is refused there and then.
void SqliteSink::WriteRows(const WriteRequest& request, bool each_alone, std::vector<Refusal>* refused) {
  for (const Group& group : GroupRows(request.plan, request.rows)) {
    const Statements statements = PrepareShape(request.plan, group.shape);
    for (const std::uint32_t i : group.rows) {
      auto refuse = [&](const std::string& message) {
        refused->push_back(MakeRefusal(request.plan, request.rows[i], message, true));
        refused->back().row = i;
      };
      if (each_alone) Execute("SAVEPOINT row");
      try {
        WriteRow(statements, request.plan, request.rows[i]);
      } catch (const Failure& failure) {
        if (!IsRefusal(failure.code)) throw;
        refuse(failure.message);
        refused->back().is_constraint = (failure.code & 0xFF) == SQLITE_CONSTRAINT;
        if (sqlite3_get_autocommit(db_.get()) != 0) return;  // a trigger's RAISE(ROLLBACK)
      }
      if (each_alone && Unresolved()) {
        refuse("FOREIGN KEY constraint failed");
        Execute("ROLLBACK TO row");
      }
      if (each_alone) Execute("RELEASE row");
    }
  }
}

// False: it changed no row; `judged` says what that means.
bool SqliteSink::MoveCheckpoint(const CheckpointMove& move, Status* judged) {
  Query(checkpoint_->move, {move.to.ToString(), move.id, move.from.ToString()});
  if (sqlite3_changes(db_.get()) > 0) return true;
  const auto rows = Query(checkpoint_->read, {move.id});
  *judged = JudgeCheckpoint(move, rows.empty() ? std::nullopt : rows[0][0]);
  return false;
}

void SqliteSink::Rollback() noexcept {
  if (db_ && sqlite3_get_autocommit(db_.get()) == 0) sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

WriteResult SqliteSink::Transaction(const WriteRequest& request, bool each_alone) {
  WriteResult result;
  Execute("BEGIN IMMEDIATE");
  if (checkpoint_ && request.checkpoint != nullptr && !MoveCheckpoint(*request.checkpoint, &result.status)) {
    Rollback();
    return result;
  }
  WriteRows(request, each_alone, &result.refused);
  if (!result.refused.empty()) {
    Rollback();
    result.status = {Code::kRefused, "sqlite: " + result.refused.front().reason};
    return result;
  }
  if (!each_alone && Unresolved()) {
    Rollback();
    return Transaction(request, true);
  }
  Execute("COMMIT");
  return result;
}

WriteResult SqliteSink::Write(const WriteRequest& request) {
  if (request.rows.empty() && request.checkpoint == nullptr) return {};
  if (!db_) return {{Code::kNotConnected, "sqlite: not open"}, {}};
  StartCall();
  int moved = 0;
  sqlite3_file_control(db_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  if (moved != 0) {
    Close();
    return {{Code::kNotConnected, "sqlite: the file '" + options_.database + "' was replaced or removed"}, {}};
  }
  try {
    if (statements_.size() > kMostStatements) statements_.clear();
    return Transaction(request, false);
  } catch (const Failure& failure) {
    Rollback();
    return {ToStatus(failure, Code::kTransient), {}};
  }
}

std::vector<std::string> SqliteSink::Explain(const TablePlan& plan) {
  return {sqlite_sql::Upsert(plan, {}), sqlite_sql::Delete(plan)};
}

void SqliteSink::Cancel() noexcept {
  cancelled_ = true;
  const std::lock_guard lock(mutex_);
  if (db_) sqlite3_interrupt(db_.get());
}

void SqliteSink::Close() noexcept {
  statements_.clear();
  const std::lock_guard lock(mutex_);
  db_.reset();
}

}  // namespace

std::unique_ptr<Sink> MakeSqliteSink(const SinkOptions& options) { return std::make_unique<SqliteSink>(options); }

}  // namespace writebehind
