// A real database as a test sees it: beside the sink, over a connection of its own.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "writebehind/sink.h"

namespace writebehind::test {

using Cells = std::vector<std::optional<std::string>>;

class Database {
 public:
  virtual ~Database() = default;

  // How a sink reaches it.
  [[nodiscard]] virtual SinkOptions Options() const = 0;

  // "double quotes" name identifiers everywhere. Throws on errors.
  virtual void Run(const std::string& sql) = 0;
  virtual std::vector<Cells> Ask(const std::string& sql) = 0;

  // Ends every session but its own, as an operator would.
  virtual void KillSessions() = 0;

  [[nodiscard]] virtual bool has_server() const { return true; }
  [[nodiscard]] virtual std::string bytes_type() const { return "blob"; }
  [[nodiscard]] virtual std::string timestamp_type() const { return "timestamp"; }
  [[nodiscard]] virtual std::string hex(const std::string& column) const { return "hex(" + column + ")"; }
};

// kind: "postgres", "mysql", "sqlite". Servers are named by WB_TEST_POSTGRES and WB_TEST_MYSQL, URLs as
// postgresql://user:password@host:port/database; without them a test of that kind fails.
std::unique_ptr<Database> OpenDatabase(const std::string& kind);

std::unique_ptr<Database> OpenPostgres(const SinkOptions& options);
std::unique_ptr<Database> OpenMysql(const SinkOptions& options);
std::unique_ptr<Database> OpenSqlite();

}  // namespace writebehind::test
