// One connection to a SQLite file: runs statements, knows nothing of rows' order and checkpoints.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "sink/catalog_reader.h"
#include "sink/driver_failure.h"
#include "writebehind/row.h"
#include "writebehind/sink.h"
#include "writebehind/status.h"

namespace writebehind {

// One thread, but for Interrupt.
class SqliteSession {
 public:
  explicit SqliteSession(const SinkOptions& options);
  ~SqliteSession();

  // Never throws.
  Status Open();
  void Close() noexcept;
  [[nodiscard]] bool is_open() const { return driver_ != nullptr; }

  // Begins a call of the sink: waits for another process's lock are counted from here.
  void Start();
  // The file is no longer the one at its path: what is written to it is lost.
  [[nodiscard]] bool Moved() const;
  [[nodiscard]] bool InTransaction() const;
  // Deferred foreign keys that some row left open; they would fail the COMMIT as a whole.
  [[nodiscard]] bool HasOpenForeignKeys() const;
  // Rows that the last statement changed.
  [[nodiscard]] int Changes() const;

  // All below throw DriverFailure.
  void Execute(const char* sql);
  std::vector<Texts> Query(const std::string& sql, const std::vector<std::string>& parameters);
  // A statement kept prepared by `key`; `sql` makes its text where it is not. Valid until TidyStatements or
  // Close.
  struct Statement;
  template <typename MakeSql>
  Statement* Prepared(const std::string& key, const MakeSql& sql) {
    Statement* found = Find(key);
    return found != nullptr ? found : Prepare(key, sql());
  }
  // Parameter ?i+1 is the row's cell i.
  void Run(Statement* statement, const TablePlan& plan, std::span<const Cell> cells);
  void TidyStatements();

  // From any thread: a statement under way, or a wait for a lock, fails soon.
  void Interrupt() noexcept;

 private:
  struct Driver;
  static int OnBusy(void* self, int tries);
  [[nodiscard]] DriverFailure Failed(int code) const;
  Statement* Find(const std::string& key) const;
  Statement* Prepare(const std::string& key, const std::string& sql);

  const SinkOptions options_;
  std::mutex mutex_;  // guards driver_ against Interrupt
  std::unique_ptr<Driver> driver_;
  std::atomic<bool> interrupted_{false};
  std::chrono::steady_clock::time_point deadline_;
};

}  // namespace writebehind
