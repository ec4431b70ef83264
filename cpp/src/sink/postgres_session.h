// One connection to PostgreSQL: runs statements, knows nothing of rows and checkpoints.
//
// libpqxx's transaction classes are left aside: in version 6 they connect again by themselves, which would
// hide a lost transaction. A connection that failed once is closed and never used again.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "sink/catalog_reader.h"
#include "sink/watchdog.h"
#include "writebehind/sink.h"
#include "writebehind/status.h"

namespace writebehind {

// Parameters of a prepared statement in the database's own binary form, in their order.
class PostgresParameters {
 public:
  PostgresParameters();
  ~PostgresParameters();

  void Add(std::string_view bytes);  // which are copied, so that their memory may serve for the next

 private:
  friend class PostgresSession;
  struct List;
  std::unique_ptr<List> list_;
};

// One thread, but for Break. Every call is ended by a watchdog a little behind the statement timeout.
class PostgresSession {
 public:
  explicit PostgresSession(const SinkOptions& options);
  ~PostgresSession();

  // Connects and sets the session up; never throws.
  Status Open();
  void Close() noexcept;

  // False: the server closed the connection while nothing was asked of it, so that nothing can be in doubt.
  [[nodiscard]] bool Alive();
  [[nodiscard]] int version();  // 150020

  // All below throw DriverFailure; with kNotConnected the session is closed already.
  struct Answer {
    std::vector<Texts> rows;
    std::size_t affected = 0;
  };
  void Execute(const std::string& sql);
  Answer Query(const std::string& sql, const std::vector<std::string>& parameters);
  // A statement that is kept prepared by `key`; `sql` makes its text where it is not.
  template <typename MakeSql>
  Answer RunPrepared(const std::string& key, const MakeSql& sql, const PostgresParameters& parameters) {
    const auto found = prepared_.find(key);
    return found != prepared_.end() ? Run(found->second, parameters) : Run(Prepare(key, sql()), parameters);
  }
  // Drops prepared statements where there are many, most of them of plans that no one writes any more.
  void TidyStatements();

  // From any thread: a call under way fails at once.
  void Break() noexcept;

 private:
  struct Driver;
  template <typename Call>
  auto Guarded(const Call& call);
  const std::string& Prepare(const std::string& key, const std::string& sql);
  Answer Run(const std::string& name, const PostgresParameters& parameters);

  const SinkOptions options_;
  std::mutex mutex_;  // guards driver_ against Break
  std::unique_ptr<Driver> driver_;
  std::map<std::string, std::string> prepared_;  // key → the statement's name
  std::size_t names_ = 0;
  Watchdog watchdog_;
};

}  // namespace writebehind
