#include <cppconn/driver.h>
#include <cppconn/exception.h>
#include <cppconn/resultset.h>
#include <cppconn/resultset_metadata.h>
#include <cppconn/statement.h>

#include "database.h"

namespace writebehind::test {
namespace {

class Mysql final : public Database {
 public:
  explicit Mysql(const SinkOptions& options)
      : options_(options),
        connection_(get_driver_instance()->connect(
            "tcp://" + options.host + ":" + std::to_string(options.port), options.user, options.password)) {
    connection_->setSchema(options.database);
    Run("SET NAMES utf8mb4");
    Run("SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'");
  }

  [[nodiscard]] SinkOptions Options() const override { return options_; }

  void Run(const std::string& sql) override {
    const std::unique_ptr<sql::Statement> statement(connection_->createStatement());
    statement->execute(sql);
  }

  std::vector<Cells> Ask(const std::string& sql) override {
    const std::unique_ptr<sql::Statement> statement(connection_->createStatement());
    const std::unique_ptr<sql::ResultSet> result(statement->executeQuery(sql));
    std::vector<Cells> rows;
    while (result->next()) {
      Cells& cells = rows.emplace_back();
      for (unsigned i = 1; i <= result->getMetaData()->getColumnCount(); ++i) {
        const std::string text = result->getString(i).asStdString();
        cells.push_back(result->isNull(i) ? std::nullopt : std::optional<std::string>(text));
      }
    }
    return rows;
  }

  void KillSessions() override {
    const std::string others =
        "SELECT id FROM information_schema.processlist WHERE user = 'wb' AND id <> connection_id()";
    while (true) {
      const auto sessions = Ask(others);
      if (sessions.empty()) return;
      for (const Cells& session : sessions) {
        try {
          Run("KILL " + *session[0]);
        } catch (const sql::SQLException&) {
          continue;  // it ended by itself
        }
      }
    }
  }

  [[nodiscard]] std::string timestamp_type() const override { return "datetime(6)"; }

 private:
  SinkOptions options_;
  std::unique_ptr<sql::Connection> connection_;
};

}  // namespace

std::unique_ptr<Database> OpenMysql(const SinkOptions& options) { return std::make_unique<Mysql>(options); }

}  // namespace writebehind::test
