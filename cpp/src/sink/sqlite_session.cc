#include "sink/sqlite_session.h"

#include <sqlite3.h>

#include <charconv>
#include <filesystem>

namespace writebehind {
namespace {

constexpr std::size_t kMostStatements = 64;

struct CloseDatabase {
  void operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
};

Code CodeOf(int code) {
  switch (code & 0xFF) {
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
      return Code::kRefused;
    case SQLITE_CANTOPEN:
    case SQLITE_NOTADB:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return Code::kConfig;
    default:
      return Code::kTransient;
  }
}

Constraint ConstraintOf(int code) {
  switch (code) {
    case SQLITE_CONSTRAINT_CHECK:
    case SQLITE_CONSTRAINT_NOTNULL:
    case SQLITE_CONSTRAINT_TRIGGER:
    case SQLITE_CONSTRAINT_DATATYPE:
      return Constraint::kOfRow;
    case SQLITE_CONSTRAINT_FOREIGNKEY:
      return Constraint::kForeignKey;
    default:
      return (code & 0xFF) == SQLITE_CONSTRAINT ? Constraint::kOfRows : Constraint::kNone;
  }
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

}  // namespace

struct SqliteSession::Statement {
  std::unique_ptr<sqlite3_stmt, FinalizeStatement> handle;
};

struct SqliteSession::Driver {
  std::unique_ptr<sqlite3, CloseDatabase> db;
  std::map<std::string, Statement> prepared;  // finalized before db is closed

  [[nodiscard]] Statement Make(const std::string& sql, unsigned flags, int* code) const {
    sqlite3_stmt* statement = nullptr;
    *code = sqlite3_prepare_v3(db.get(), sql.c_str(), static_cast<int>(sql.size() + 1), flags, &statement,
                               nullptr);
    Statement made;
    made.handle.reset(statement);
    return made;
  }
};

SqliteSession::SqliteSession(const SinkOptions& options) : options_(options) {}
SqliteSession::~SqliteSession() { Close(); }

DriverFailure SqliteSession::Failed(int code) const {
  const std::string message = sqlite3_errmsg(driver_->db.get());
  return {"sqlite " + options_.database, CodeOf(code), message, ConstraintOf(code),
          message.starts_with("no such ")};
}

int SqliteSession::OnBusy(void* self, int tries) {
  auto* session = static_cast<SqliteSession*>(self);
  if (session->interrupted_ || std::chrono::steady_clock::now() > session->deadline_) return 0;
  sqlite3_sleep(tries < 10 ? 1 : 10);
  return 1;
}

void SqliteSession::Start() {
  interrupted_ = false;
  const bool limited = options_.statement_timeout.count() > 0;
  deadline_ = limited ? std::chrono::steady_clock::now() + options_.statement_timeout
                      : std::chrono::steady_clock::time_point::max();
}

Status SqliteSession::Open() {
  Close();
  Start();
  std::error_code ignored;
  if (!std::filesystem::exists(options_.database, ignored)) {
    return {Code::kConfig, "sqlite: no file '" + options_.database + "'",
            "create the file and its tables first"};
  }
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(options_.database.c_str(), &opened,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  {
    const std::lock_guard lock(mutex_);
    driver_ = std::make_unique<Driver>();
    driver_->db.reset(opened);
  }
  try {
    if (code != SQLITE_OK) throw Failed(code);
    sqlite3_extended_result_codes(opened, 1);
    sqlite3_busy_handler(opened, &SqliteSession::OnBusy, this);
    Execute("PRAGMA journal_mode=WAL");
    Execute("PRAGMA synchronous=FULL");
    Execute("PRAGMA foreign_keys=ON");
    // Keys come in no order, so a batch touches pages all over the table: with room for 32 MiB of them, and
    // as much log between two checkpoints, 200,000 rows in batches of 5,000 take two fifths of the time.
    Execute("PRAGMA cache_size=-32768");
    Execute("PRAGMA wal_autocheckpoint=8192");
    if (sqlite3_db_readonly(opened, "main") == 1)
      throw DriverFailure{"sqlite " + options_.database, Code::kConfig, "the file can't be written"};
  } catch (const DriverFailure& failure) {
    Close();
    return failure.ToStatus();
  }
  return Status::Ok();
}

void SqliteSession::Close() noexcept {
  const std::lock_guard lock(mutex_);
  driver_.reset();
}

bool SqliteSession::Moved() const {
  int moved = 0;
  sqlite3_file_control(driver_->db.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  return moved != 0;
}

bool SqliteSession::InTransaction() const {
  return driver_ && sqlite3_get_autocommit(driver_->db.get()) == 0;
}

bool SqliteSession::HasOpenForeignKeys() const {
  int open = 0;
  int highest = 0;
  sqlite3_db_status(driver_->db.get(), SQLITE_DBSTATUS_DEFERRED_FKS, &open, &highest, 0);
  return open != 0;
}

int SqliteSession::Changes() const { return sqlite3_changes(driver_->db.get()); }

void SqliteSession::Execute(const char* sql) {
  const int code = sqlite3_exec(driver_->db.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) throw Failed(code);
}

std::vector<Texts> SqliteSession::Query(const std::string& sql, const std::vector<std::string>& parameters) {
  int code = 0;
  const Statement statement = driver_->Make(sql, 0, &code);
  if (code != SQLITE_OK) throw Failed(code);
  sqlite3_stmt* handle = statement.handle.get();
  int at = 0;
  for (const std::string& text : parameters) {
    sqlite3_bind_text64(handle, ++at, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  std::vector<Texts> rows;
  while ((code = sqlite3_step(handle)) == SQLITE_ROW) {
    Texts& row = rows.emplace_back();
    for (int i = 0; i < sqlite3_column_count(handle); ++i) {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(handle, i));
      const auto bytes = static_cast<std::size_t>(sqlite3_column_bytes(handle, i));
      row.push_back(text == nullptr ? std::nullopt : std::make_optional<std::string>(text, bytes));
    }
  }
  if (code != SQLITE_DONE) throw Failed(code);
  return rows;
}

SqliteSession::Statement* SqliteSession::Find(const std::string& key) const {
  const auto found = driver_->prepared.find(key);
  return found == driver_->prepared.end() ? nullptr : &found->second;
}

SqliteSession::Statement* SqliteSession::Prepare(const std::string& key, const std::string& sql) {
  int code = 0;
  Statement made = driver_->Make(sql, SQLITE_PREPARE_PERSISTENT, &code);
  if (code != SQLITE_OK) throw Failed(code);
  return &(driver_->prepared[key] = std::move(made));
}

void SqliteSession::Run(Statement* statement, const TablePlan& plan, std::span<const Cell> cells) {
  sqlite3_stmt* handle = statement->handle.get();
  const int parameters = sqlite3_bind_parameter_count(handle);
  for (int i = 0; i < parameters; ++i) {
    const auto at = static_cast<std::size_t>(i);
    Bind(handle, i + 1, plan.column(at).type, cells[at]);
  }
  const int code = sqlite3_step(handle);
  if (code == SQLITE_DONE) {
    sqlite3_reset(handle);
    return;
  }
  DriverFailure failure = Failed(code);
  sqlite3_reset(handle);
  throw failure;
}

void SqliteSession::TidyStatements() {
  if (driver_->prepared.size() > kMostStatements) driver_->prepared.clear();
}

void SqliteSession::Interrupt() noexcept {
  interrupted_ = true;
  const std::lock_guard lock(mutex_);
  if (driver_) sqlite3_interrupt(driver_->db.get());
}

}  // namespace writebehind
