#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>

#include "database.h"

namespace writebehind::test {
namespace {

class Sqlite final : public Database {
 public:
  Sqlite() {
    std::string pattern = (std::filesystem::temp_directory_path() / "writebehind-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
    directory_ = pattern;
    if (sqlite3_open((directory_ / "test.db").c_str(), &db_) != SQLITE_OK)
      throw std::runtime_error("no file");
    sqlite3_busy_timeout(db_, 5000);
    Run("CREATE TABLE made (at)");
  }
  Sqlite(const Sqlite&) = delete;
  Sqlite& operator=(const Sqlite&) = delete;
  ~Sqlite() override {
    sqlite3_close(db_);
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  [[nodiscard]] SinkOptions Options() const override {
    SinkOptions options;
    options.kind = "sqlite";
    options.database = (directory_ / "test.db").string();
    return options;
  }

  void Run(const std::string& sql) override { Ask(sql); }

  std::vector<Cells> Ask(const std::string& sql) override {
    sqlite3_stmt* statement = nullptr;
    int code = sqlite3_prepare_v2(db_, sql.c_str(), -1, &statement, nullptr);
    std::vector<Cells> rows;
    while (code == SQLITE_OK || code == SQLITE_ROW) {
      code = sqlite3_step(statement);
      if (code != SQLITE_ROW) break;
      Cells& cells = rows.emplace_back();
      for (int i = 0; i < sqlite3_column_count(statement); ++i) {
        const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, i));
        const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, i));
        cells.push_back(text == nullptr ? std::nullopt : std::optional<std::string>(std::string(text, size)));
      }
    }
    sqlite3_finalize(statement);
    if (code != SQLITE_DONE) throw std::runtime_error(sql + ": " + sqlite3_errmsg(db_));
    return rows;
  }

  void KillSessions() override {}
  [[nodiscard]] bool has_server() const override { return false; }

 private:
  std::filesystem::path directory_;
  sqlite3* db_ = nullptr;
};

}  // namespace

std::unique_ptr<Database> OpenSqlite() { return std::make_unique<Sqlite>(); }

}  // namespace writebehind::test
