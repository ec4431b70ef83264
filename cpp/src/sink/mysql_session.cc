#include "sink/mysql_session.h"

#include <cppconn/driver.h>
#include <cppconn/exception.h>
#include <cppconn/prepared_statement.h>
#include <cppconn/resultset.h>
#include <cppconn/resultset_metadata.h>
#include <cppconn/statement.h>

#include <algorithm>
#include <deque>
#include <istream>
#include <streambuf>

#include "sink/driver_failure.h"
#include "sink/mysql_errors.h"
#include "sink/mysql_options.h"

namespace writebehind {
namespace {

constexpr char kWho[] = "mysql";
constexpr std::size_t kMostStatements = 100;
constexpr std::chrono::seconds kKillTimeout{2};

// Reads a value where it lies.
class ViewStream : private std::streambuf, public std::istream {
 public:
  explicit ViewStream(std::string_view text) : std::istream(static_cast<std::streambuf*>(this)) {
    char* begin = const_cast<char*>(text.data());  // a get area is never written
    setg(begin, begin, begin + text.size());
  }
};

// The driver enforces TLS only where it verifies, else a server (or who stands in for it) may decline.
void RequireTls(sql::Connection* connection) {
  const std::unique_ptr<sql::Statement> statement(connection->createStatement());
  const std::unique_ptr<sql::ResultSet> result(statement->executeQuery("SHOW SESSION STATUS LIKE 'Ssl_cipher'"));
  if (result->next() && result->getString(2).length() != 0) return;
  throw sql::SQLException("TLS is required, but the server does not offer it", "HY000", kMysqlTlsError);
}

std::unique_ptr<sql::Connection> Connect(const SinkOptions& options, std::chrono::milliseconds timeout) {
  sql::ConnectOptionsMap map = MysqlConnectOptions(options, timeout);
  static std::mutex mutex;  // the driver object is shared by all connections
  sql::Driver* driver = nullptr;
  {
    const std::lock_guard lock(mutex);
    driver = get_driver_instance();
  }
  driver->threadInit();
  std::unique_ptr<sql::Connection> connection(driver->connect(map));
  if (MysqlDemandsTls(options)) RequireTls(connection.get());
  return connection;
}

void Bind(sql::PreparedStatement* statement, unsigned at, const MysqlParameter& parameter,
          std::deque<ViewStream>* streams) {
  const std::string_view text = parameter.cell->text;
  if (parameter.cell->state != Cell::State::kValue) return statement->setNull(at, 0);
  switch (parameter.type->kind) {
    case TypeKind::kBoolean:
    case TypeKind::kInteger: {
      // By the column, not the value: setInt64 does not take back a parameter's unsigned flag.
      if (!parameter.type->is_unsigned) {
        std::int64_t number = 0;
        std::from_chars(text.data(), text.data() + text.size(), number);
        return statement->setInt64(at, number);
      }
      std::uint64_t number = 0;
      std::from_chars(text.data(), text.data() + text.size(), number);
      return statement->setUInt64(at, number);
    }
    case TypeKind::kBytes:
      return statement->setBlob(at, &streams->emplace_back(text));
    default:
      return statement->setString(at, sql::SQLString(text.data() == nullptr ? "" : text.data(), text.size()));
  }
}

void SetTexts(sql::PreparedStatement* statement, const std::vector<std::string>& texts) {
  unsigned at = 0;
  for (const std::string& text : texts) statement->setString(++at, text);
}

DriverFailure Failed(const sql::SQLException& error) {
  const int number = error.getErrorCode();
  return {kWho,
          MysqlCode(number, error.getSQLStateCStr()),
          error.what(),
          MysqlConstraint(number),
          IsMysqlSchemaError(number),
          number,
          MysqlCause(number, error.what())};
}

struct Prepared {
  std::unique_ptr<sql::PreparedStatement> statement;
  bool selects = false;
};

}  // namespace

struct MysqlSession::Driver {
  std::unique_ptr<sql::Connection> connection;
  std::map<std::string, Prepared> prepared;
};

MysqlSession::MysqlSession(const SinkOptions& options) : options_(options) {}
MysqlSession::~MysqlSession() { Close(); }

// Turns the library's exceptions into a DriverFailure, and closes what is lost.
template <typename Call>
auto MysqlSession::Guarded(const Call& call) {
  if (!driver_) throw DriverFailure{kWho, Code::kNotConnected, "not connected"};
  DriverFailure failure;
  try {
    return call();
  } catch (const sql::SQLException& error) {
    failure = Failed(error);
  } catch (const std::exception& error) {
    failure = {kWho, Code::kTransient, error.what()};
  }
  if (failure.code == Code::kNotConnected) Close();
  throw failure;
}

Status MysqlSession::Open() {
  Close();
  auto opened = std::make_unique<Driver>();
  try {
    opened->connection = Connect(options_, options_.connect_timeout);
  } catch (const sql::SQLException& error) {
    DriverFailure failure = Failed(error);
    failure.code = MysqlConnectCode(failure.number, error.getSQLStateCStr(), error.what());
    if (failure.code != Code::kConfig) failure.code = Code::kNotConnected;
    return {failure.code, failure.ToStatus().message(), failure.code == Code::kConfig ? kLoginHint : ""};
  } catch (const std::exception& error) {
    return {Code::kConfig, std::string("mysql: ") + error.what()};  // an option of the wrong type
  }
  driver_ = std::move(opened);
  try {
    SetUp();
  } catch (const DriverFailure& failure) {
    Close();
    return failure.ToStatus();
  }
  return Status::Ok();
}

void MysqlSession::SetUp() {
  Execute("SET NAMES utf8mb4");
  // Strict: a value that does not fit is an error, never another value. Zero in a key is zero.
  Execute(
      "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
      "NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO', autocommit = 0" +
      (options_.statement_timeout.count() == 0
           ? std::string()
           : ", innodb_lock_wait_timeout = " + std::to_string(MysqlSeconds(options_.statement_timeout))));
  variables_.clear();
  for (const Texts& row :
       Query("SHOW VARIABLES WHERE Variable_name IN ('max_allowed_packet', 'binlog_format', 'log_bin', "
             "'version', 'time_zone', 'system_time_zone', 'innodb_flush_log_at_trx_commit', 'sync_binlog')",
             {})) {
    variables_[row[0].value_or("")] = row[1].value_or("");
  }
  max_packet_ = static_cast<std::size_t>(std::stoull(Variable("max_allowed_packet")));
  // Fewer locks, so fewer deadlocks between writers; a binary log of statements does not allow it.
  if (Variable("log_bin") != "ON" || Variable("binlog_format") != "STATEMENT") {
    Execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
  }
  std::string id = Query("SELECT CONNECTION_ID()", {}).at(0).at(0).value_or("");
  Execute("ROLLBACK");
  const std::lock_guard lock(mutex_);
  id_ = std::move(id);
}

void MysqlSession::Close() noexcept {
  {
    const std::lock_guard lock(mutex_);
    id_.clear();
  }
  try {
    driver_.reset();
  } catch (const std::exception&) {
    return;  // closing statements over a lost connection
  }
}

std::string MysqlSession::Variable(const std::string& name) const {
  const auto found = variables_.find(name);
  return found == variables_.end() ? "" : found->second;
}

bool MysqlSession::TakesOffsets() const {
  const std::string version = Variable("version");
  if (version.find("MariaDB") != std::string::npos) return false;
  int major = 0;
  int minor = 0;
  int patch = 0;
  const bool known = std::sscanf(version.c_str(), "%d.%d.%d", &major, &minor, &patch) == 3;
  return known && (major > 8 || (major == 8 && (minor > 0 || patch >= 19)));
}

bool MysqlSession::InUtc() const {
  const std::string zone =
      Variable("time_zone") == "SYSTEM" ? Variable("system_time_zone") : Variable("time_zone");
  return zone == "UTC" || zone == "+00:00";
}

void MysqlSession::Execute(const std::string& sql) {
  Guarded([&] {
    const std::unique_ptr<sql::Statement> statement(driver_->connection->createStatement());
    return statement->execute(sql);
  });
}

std::vector<Texts> MysqlSession::Query(const std::string& sql, const std::vector<std::string>& parameters) {
  return Guarded([&] {
    const std::unique_ptr<sql::PreparedStatement> statement(driver_->connection->prepareStatement(sql));
    SetTexts(statement.get(), parameters);
    const std::unique_ptr<sql::ResultSet> result(statement->executeQuery());
    const unsigned columns = result->getMetaData()->getColumnCount();
    std::vector<Texts> rows;
    while (result->next()) {
      Texts& texts = rows.emplace_back();
      for (unsigned i = 1; i <= columns; ++i) {
        const sql::SQLString text = result->getString(i);
        texts.push_back(result->isNull(i) ? std::nullopt : std::optional<std::string>(text.asStdString()));
      }
    }
    return rows;
  });
}

std::uint64_t MysqlSession::Change(const std::string& sql, const std::vector<std::string>& parameters) {
  if (!IsPrepared(sql)) Prepare(sql, sql);
  return Guarded([&] {
    sql::PreparedStatement* statement = driver_->prepared.at(sql).statement.get();
    SetTexts(statement, parameters);
    return static_cast<std::uint64_t>(statement->executeUpdate());
  });
}

bool MysqlSession::IsPrepared(const std::string& key) const {
  return driver_ != nullptr && driver_->prepared.count(key) != 0;
}

void MysqlSession::Prepare(const std::string& key, const std::string& sql) {
  Guarded([&] {
    if (driver_->prepared.size() >= kMostStatements) driver_->prepared.clear();
    std::unique_ptr<sql::PreparedStatement> statement(driver_->connection->prepareStatement(sql));
    driver_->prepared[key] = {std::move(statement), sql.starts_with("SELECT")};
    return 0;
  });
}

std::uint64_t MysqlSession::Run(const std::string& key, std::span<const MysqlParameter> parameters) {
  return Guarded([&] {
    const Prepared& prepared = driver_->prepared.at(key);
    sql::PreparedStatement* statement = prepared.statement.get();
    std::deque<ViewStream> streams;
    unsigned at = 0;
    for (const MysqlParameter& parameter : parameters) Bind(statement, ++at, parameter, &streams);
    if (!prepared.selects) return static_cast<std::uint64_t>(statement->executeUpdate());
    const std::unique_ptr<sql::ResultSet> result(statement->executeQuery());
    return static_cast<std::uint64_t>(result->rowsCount());
  });
}

void MysqlSession::KillQuery() noexcept {
  try {
    std::string id;
    {
      const std::lock_guard lock(mutex_);
      id = id_;
    }
    if (id.empty()) return;
    SinkOptions options = options_;
    options.statement_timeout = kKillTimeout;
    const std::unique_ptr<sql::Connection> connection = Connect(options, kKillTimeout);
    const std::unique_ptr<sql::Statement> statement(connection->createStatement());
    statement->execute("KILL QUERY " + id);
  } catch (const std::exception&) {
    return;  // the read timeout ends the statement later
  }
}

}  // namespace writebehind
