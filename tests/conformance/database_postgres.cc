#include <pqxx/pqxx>

#include "database.h"

namespace writebehind::test {
namespace {

class Postgres final : public Database {
 public:
  explicit Postgres(const SinkOptions& options)
      : options_(options),
        connection_("host=" + options.host + " port=" + std::to_string(options.port) + " user=" +
                    options.user + " password=" + options.password + " dbname=" + options.database) {
    Run("SET client_min_messages = error");
  }

  [[nodiscard]] SinkOptions Options() const override { return options_; }
  void Run(const std::string& sql) override { pqxx::nontransaction(connection_).exec(sql); }

  std::vector<Cells> Ask(const std::string& sql) override {
    std::vector<Cells> rows;
    for (const auto& row : pqxx::nontransaction(connection_).exec(sql)) {
      Cells& cells = rows.emplace_back();
      for (const auto& field : row) {
        cells.push_back(field.is_null() ? std::nullopt : std::optional<std::string>(field.c_str()));
      }
    }
    return rows;
  }

  void KillSessions() override {
    Run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'writebehind'");
    // Inside a transaction the view is a snapshot.
    while (!Ask("SELECT pg_stat_clear_snapshot(), pid FROM pg_stat_activity WHERE application_name = "
                "'writebehind'")
                .empty()) {
      Run("SELECT pg_stat_clear_snapshot()");
    }
  }

  [[nodiscard]] std::string bytes_type() const override { return "bytea"; }
  [[nodiscard]] std::string hex(const std::string& column) const override {
    return "upper(encode(" + column + ", 'hex'))";
  }

 private:
  SinkOptions options_;
  pqxx::connection connection_;
};

}  // namespace

std::unique_ptr<Database> OpenPostgres(const SinkOptions& options) {
  return std::make_unique<Postgres>(options);
}

}  // namespace writebehind::test
