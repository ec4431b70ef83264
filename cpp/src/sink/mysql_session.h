// One connection to MySQL or MariaDB: runs statements, knows nothing of rows' order and checkpoints.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "sink/catalog_reader.h"
#include "writebehind/row.h"
#include "writebehind/sink.h"
#include "writebehind/status.h"

namespace writebehind {

// A parameter of a prepared statement. Bound as what it is: a text compared with a number would be compared
// as floating point, and binary must not pass through a character set.
struct MysqlParameter {
  const ColumnType* type;
  const Cell* cell;
};

// Cells of at least this size, and all of kBytes, are sent ahead of the statement, each in packets of its
// own.
inline constexpr std::size_t kMysqlLongData = 256U << 10U;

// One thread, but for KillQuery. Autocommit is off: each statement is in a transaction until COMMIT or
// ROLLBACK.
class MysqlSession {
 public:
  explicit MysqlSession(const SinkOptions& options);
  ~MysqlSession();

  // Connects and sets the session up; never throws.
  Status Open();
  void Close() noexcept;
  [[nodiscard]] bool is_open() const { return driver_ != nullptr; }

  [[nodiscard]] std::size_t max_packet() const { return max_packet_; }
  // Of a server variable; empty where it has none.
  [[nodiscard]] std::string Variable(const std::string& name) const;
  [[nodiscard]] bool TakesOffsets() const;  // '2024-01-01 00:00:00+02:00' for a timestamp
  [[nodiscard]] bool InUtc() const;         // the session's time zone, whatever the season

  // All below throw DriverFailure; with kNotConnected the session is closed already.
  void Execute(const std::string& sql);
  std::vector<Texts> Query(const std::string& sql, const std::vector<std::string>& parameters);
  // Rows that a statement without an answer matched, changed or not. It stays prepared.
  std::uint64_t Change(const std::string& sql, const std::vector<std::string>& parameters);

  // A statement kept prepared by `key`; `sql` makes its text where it is not. For a SELECT: the rows found.
  template <typename MakeSql>
  std::uint64_t RunPrepared(const std::string& key, const MakeSql& sql,
                            std::span<const MysqlParameter> parameters) {
    if (!IsPrepared(key)) Prepare(key, sql());
    return Run(key, parameters);
  }

  // From any thread, best effort: ends the statement under way, over a connection of its own.
  void KillQuery() noexcept;

 private:
  struct Driver;
  template <typename Call>
  auto Guarded(const Call& call);
  [[nodiscard]] bool IsPrepared(const std::string& key) const;
  void Prepare(const std::string& key, const std::string& sql);
  std::uint64_t Run(const std::string& key, std::span<const MysqlParameter> parameters);
  void SetUp();

  const SinkOptions options_;
  std::mutex mutex_;  // guards id_
  std::string id_;    // of the connection, for KILL; empty: none
  std::unique_ptr<Driver> driver_;
  std::map<std::string, std::string> variables_;
  std::size_t max_packet_ = 0;
};

}  // namespace writebehind
