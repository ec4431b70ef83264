// How long a row takes to be committed: one-row upserts, each a transaction, straight into the database.
//
//   limit_commit postgres CONNINFO TABLE CLIENTS RATE SECONDS
//   limit_commit mariadb  PORT     TABLE CLIENTS RATE SECONDS
//   limit_commit sqlite   FILE     TABLE CLIENTS RATE SECONDS
#include <libpq-fe.h>
#include <mysql.h>
#include <sqlite3.h>

#include <array>
#include <cstring>
#include <memory>

#include "latency.h"

namespace limits {
namespace {

constexpr std::int64_t kKeys = 10'000;

class Postgres final : public Client {
 public:
  Postgres(const char* conninfo, const std::string& table) : connection_(PQconnectdb(conninfo)) {
    const std::string sql = "INSERT INTO " + table +
                            " (person_id, first, last, age) VALUES ($1, $2, $3, $4) ON CONFLICT (person_id) DO UPDATE SET first = "
                            "excluded.first, last = excluded.last, age = excluded.age";
    Check(PQprepare(connection_, "w", sql.c_str(), 0, nullptr));
  }
  ~Postgres() override { PQfinish(connection_); }

  void Do(std::int64_t i) override {
    const Person person = MakePerson(i % kKeys, static_cast<int>(i));
    const std::string id = std::to_string(person.id);
    const std::string age = std::to_string(person.age);
    const std::array<const char*, 4> values{id.c_str(), person.first.c_str(), person.last.c_str(), age.c_str()};
    Check(PQexecPrepared(connection_, "w", 4, values.data(), nullptr, nullptr, 0));
  }

 private:
  void Check(PGresult* result) {
    const bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    Require(good, PQerrorMessage(connection_));
  }
  PGconn* connection_;
};

class Mariadb final : public Client {
 public:
  Mariadb(const char* port, const std::string& table) : connection_(mysql_init(nullptr)) {
    const bool connected =
        mysql_real_connect(connection_, "127.0.0.1", "wb", "wb", "wb", static_cast<unsigned>(std::atoi(port)), nullptr, 0) != nullptr;
    Require(connected, mysql_error(connection_));
    statement_ = mysql_stmt_init(connection_);
    const std::string sql = "INSERT INTO " + table +
                            " (person_id, first, last, age) VALUES (?,?,?,?) ON DUPLICATE KEY UPDATE first = VALUES(first), "
                            "last = VALUES(last), age = VALUES(age)";
    Check(mysql_stmt_prepare(statement_, sql.data(), sql.size()) == 0);
  }
  ~Mariadb() override {
    mysql_stmt_close(statement_);
    mysql_close(connection_);
  }

  void Do(std::int64_t i) override {
    Person person = MakePerson(i % kKeys, static_cast<int>(i));
    std::array<MYSQL_BIND, 4> binds{};
    binds[0].buffer_type = MYSQL_TYPE_LONGLONG;
    binds[0].buffer = &person.id;
    const std::array<std::string*, 2> texts{&person.first, &person.last};
    for (std::size_t t = 0; t < 2; ++t) {
      binds[t + 1].buffer_type = MYSQL_TYPE_STRING;
      binds[t + 1].buffer = texts[t]->data();
      binds[t + 1].buffer_length = texts[t]->size();
    }
    binds[3].buffer_type = MYSQL_TYPE_LONG;
    binds[3].buffer = &person.age;
    Check(mysql_stmt_bind_param(statement_, binds.data()) == 0);
    Check(mysql_stmt_execute(statement_) == 0);
  }

 private:
  void Check(bool good) { Require(good, mysql_stmt_error(statement_)); }
  MYSQL* connection_;
  MYSQL_STMT* statement_ = nullptr;
};

class Sqlite final : public Client {
 public:
  Sqlite(const char* file, const std::string& table) {
    Require(sqlite3_open(file, &database_) == SQLITE_OK, "can't open the file");
    sqlite3_busy_timeout(database_, 10'000);
    Check(sqlite3_exec(database_, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL", nullptr, nullptr, nullptr) == SQLITE_OK);
    const std::string sql = "INSERT INTO " + table +
                            " (person_id, first, last, age) VALUES (?,?,?,?) ON CONFLICT (person_id) DO UPDATE SET first = "
                            "excluded.first, last = excluded.last, age = excluded.age";
    Check(sqlite3_prepare_v2(database_, sql.c_str(), -1, &statement_, nullptr) == SQLITE_OK);
  }
  ~Sqlite() override {
    sqlite3_finalize(statement_);
    sqlite3_close(database_);
  }

  void Do(std::int64_t i) override {
    const Person person = MakePerson(i % kKeys, static_cast<int>(i));
    sqlite3_bind_int64(statement_, 1, person.id);
    sqlite3_bind_text(statement_, 2, person.first.data(), -1, SQLITE_STATIC);
    sqlite3_bind_text(statement_, 3, person.last.data(), -1, SQLITE_STATIC);
    sqlite3_bind_int(statement_, 4, person.age);
    Check(sqlite3_step(statement_) == SQLITE_DONE);
    sqlite3_reset(statement_);
  }

 private:
  void Check(bool good) { Require(good, sqlite3_errmsg(database_)); }
  sqlite3* database_ = nullptr;
  sqlite3_stmt* statement_ = nullptr;
};

void Main(int argc, char** argv) {
  const std::string kind = Argument(argc, argv, 1, "postgres|mariadb|sqlite");
  const char* where = Argument(argc, argv, 2, "WHERE");
  const std::string table = Argument(argc, argv, 3, "TABLE");
  Measure(ParseLoad(argc, argv, 4), [&]() -> std::unique_ptr<Client> {
    if (kind == "postgres") return std::make_unique<Postgres>(where, table);
    if (kind == "mariadb") return std::make_unique<Mariadb>(where, table);
    return std::make_unique<Sqlite>(where, table);
  });
}

}  // namespace
}  // namespace limits

int main(int argc, char** argv) {
  return limits::Run([&] { limits::Main(argc, argv); });
}
