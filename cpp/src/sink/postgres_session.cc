#include "sink/postgres_session.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <pqxx/pqxx>

#include "sink/driver_failure.h"
#include "sink/postgres_errors.h"
#include "sink/postgres_probe.h"
#include "sink/refusal.h"

namespace writebehind {
namespace {

constexpr char kWho[] = "postgres";
constexpr std::size_t kMostStatements = 200;

// key='value' for libpq, which reads \ and ' inside quotes by a backslash before them.
void AddParameter(const std::string& key, const std::string& value, std::string* connection) {
  connection->append(key).append("='");
  for (const char c : value) {
    if (c == '\'' || c == '\\') *connection += '\\';
    *connection += c;
  }
  connection->append("' ");
}

std::string ConnectionString(const SinkOptions& options) {
  std::string text;
  auto given = [&](const std::string& key, const std::string& value) {
    if (!value.empty()) AddParameter(key, value, &text);
  };
  given("host", options.host);
  if (options.port != 0) given("port", std::to_string(options.port));
  given("user", options.user);
  given("password", options.password);
  given("dbname", options.database);
  const auto seconds =
      std::max<std::int64_t>(2, (options.connect_timeout.count() + 999) / 1000);  // libpq's least
  given("connect_timeout", std::to_string(seconds));
  given("application_name", "writebehind");
  given("client_encoding", "UTF8");
  given("keepalives_idle", "10");
  given("keepalives_interval", "5");
  given("keepalives_count", "3");
  given("tcp_user_timeout", "30000");
  for (const auto& [key, value] : options.driver) given(key, value);
  return text;
}

// Longer than the server's own limit, which leaves the connection usable.
std::chrono::milliseconds WatchdogLimit(const SinkOptions& options) {
  if (options.statement_timeout.count() == 0) return std::chrono::milliseconds(0);
  return options.statement_timeout + std::chrono::seconds(5);
}

PostgresSession::Answer ToAnswer(const pqxx::result& result) {
  PostgresSession::Answer answer;
  answer.affected = static_cast<std::size_t>(result.affected_rows());
  for (const auto& row : result) {
    Texts& texts = answer.rows.emplace_back();
    for (const auto& field : row) {
      texts.push_back(field.is_null() ? std::nullopt : std::optional<std::string>(field.c_str()));
    }
  }
  return answer;
}

}  // namespace

struct PostgresSession::Driver {
  explicit Driver(const std::string& connection_string) : connection(connection_string) {}
  pqxx::connection connection;
};

struct PostgresParameters::List {
  std::vector<pqxx::binarystring> all;
};

PostgresParameters::PostgresParameters() : list_(std::make_unique<List>()) {}
PostgresParameters::~PostgresParameters() = default;

void PostgresParameters::Add(std::string_view bytes) { list_->all.emplace_back(bytes.data(), bytes.size()); }

PostgresSession::PostgresSession(const SinkOptions& options)
    : options_(options), watchdog_(WatchdogLimit(options), [this] { Break(); }) {}

PostgresSession::~PostgresSession() { Close(); }

// Turns the library's exceptions into a DriverFailure, and closes what is lost.
template <typename Call>
auto PostgresSession::Guarded(const Call& call) {
  if (!driver_) throw DriverFailure{kWho, Code::kNotConnected, "not connected"};
  const Watchdog::Watch watch(&watchdog_);
  DriverFailure failure;
  try {
    return call();
  } catch (const pqxx::broken_connection& error) {
    failure = {kWho, Code::kNotConnected, std::string("connection lost: ") + error.what()};
  } catch (const pqxx::insufficient_privilege& error) {
    failure = {kWho, Code::kTransient, error.what(), Constraint::kNone, true};  // version 6 leaves out its SQLSTATE
  } catch (const pqxx::sql_error& error) {
    const std::string& state = error.sqlstate();
    failure = {kWho, PostgresCode(state), error.what(), PostgresConstraint(state), state.starts_with("42")};
    failure.cause = PostgresCause(failure.message);
  } catch (const std::exception& error) {
    failure = {kWho, Code::kTransient, error.what()};
  }
  if (!driver_->connection.is_open()) failure.code = Code::kNotConnected;
  if (failure.code == Code::kNotConnected) Close();
  throw failure;
}

Status PostgresSession::Open() {
  Close();
  const std::string connection_string = ConnectionString(options_);
  const auto deadline = std::chrono::steady_clock::now() + options_.connect_timeout;
  try {
    auto opened = std::make_unique<Driver>(connection_string);
    const std::lock_guard lock(mutex_);
    driver_ = std::move(opened);
  } catch (const std::exception& error) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const Code code = ProbePostgres(connection_string, left);
    return {code, "postgres: " + OneLine(error.what()), code == Code::kConfig ? kLoginHint : ""};
  }
  try {
    Execute("SET statement_timeout = " + std::to_string(options_.statement_timeout.count()) +
            "; SET default_transaction_isolation = 'read committed'");
  } catch (const DriverFailure& failure) {
    Close();
    return failure.ToStatus();
  }
  return Status::Ok();
}

void PostgresSession::Close() noexcept {
  prepared_.clear();
  const std::lock_guard lock(mutex_);
  driver_.reset();
}

void PostgresSession::Break() noexcept {
  // Shutting the socket down ends a wait at once; asking the server to cancel could itself hang.
  const std::lock_guard lock(mutex_);
  if (driver_ && driver_->connection.sock() >= 0) ::shutdown(driver_->connection.sock(), SHUT_RDWR);
}

bool PostgresSession::Alive() {
  if (!driver_) return false;
  pollfd waiting{driver_->connection.sock(), POLLIN, 0};
  if (::poll(&waiting, 1, 0) == 0) return true;
  // A healthy server says nothing unasked: this is its farewell, or a setting that changed.
  try {
    Execute("SELECT 1");
    return true;
  } catch (const DriverFailure&) {
    Close();
    return false;
  }
}

int PostgresSession::version() {
  return Guarded([&] { return driver_->connection.server_version(); });
}

void PostgresSession::Execute(const std::string& sql) {
  Guarded([&] { return pqxx::nontransaction(driver_->connection).exec(sql); });
}

PostgresSession::Answer PostgresSession::Query(const std::string& sql,
                                               const std::vector<std::string>& parameters) {
  return Guarded([&] {
    pqxx::nontransaction session(driver_->connection);
    return ToAnswer(session.exec_params(sql, pqxx::prepare::make_dynamic_params(parameters)));
  });
}

const std::string& PostgresSession::Prepare(const std::string& key, const std::string& sql) {
  const std::string name = "wb" + std::to_string(++names_);
  Guarded([&] {
    driver_->connection.prepare(name, sql);
    return 0;
  });
  return prepared_[key] = name;
}

PostgresSession::Answer PostgresSession::Run(const std::string& name, const PostgresParameters& parameters) {
  return Guarded([&] {
    pqxx::nontransaction session(driver_->connection);
    return ToAnswer(session.exec_prepared(name, pqxx::prepare::make_dynamic_params(parameters.list_->all)));
  });
}

void PostgresSession::TidyStatements() {
  if (prepared_.size() < kMostStatements) return;
  Guarded([&] {
    for (const auto& [key, name] : prepared_) driver_->connection.unprepare(name);
    return 0;
  });
  prepared_.clear();
}

}  // namespace writebehind
