// The limit of SQLite: rows made in memory, a prepared upsert a row, a transaction a batch; WAL and
// synchronous=FULL, as writebehind sets them.
//
//   limit_sqlite FILE TABLE ROWS ROUND
#include <sqlite3.h>

#include <memory>

#include "person.h"

namespace limits {
namespace {

struct Close {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

void Execute(sqlite3* database, const char* sql) {
  Require(sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK, sqlite3_errmsg(database));
}

void Main(int argc, char** argv) {
  sqlite3* opened = nullptr;
  const int status = sqlite3_open(Argument(argc, argv, 1, "FILE"), &opened);
  const std::unique_ptr<sqlite3, Close> database(opened);
  Require(status == SQLITE_OK, "can't open the file");
  const std::string table = Argument(argc, argv, 2, "TABLE");
  const auto rows = static_cast<std::size_t>(std::atoll(Argument(argc, argv, 3, "ROWS")));
  const int round = std::atoi(Argument(argc, argv, 4, "ROUND"));
  Execute(opened, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL");
  const std::string sql = "INSERT INTO " + table +
                          " (person_id, first, last, age) VALUES (?,?,?,?) ON CONFLICT (person_id) DO UPDATE SET "
                          "first = excluded.first, last = excluded.last, age = excluded.age";
  sqlite3_stmt* prepared = nullptr;
  Require(sqlite3_prepare_v2(opened, sql.c_str(), -1, &prepared, nullptr) == SQLITE_OK, sqlite3_errmsg(opened));
  const std::unique_ptr<sqlite3_stmt, Close> statement(prepared);
  const Stopwatch watch;
  for (std::size_t at = 0; at < rows; at += kBatch) {
    Execute(opened, "BEGIN IMMEDIATE");
    for (std::size_t i = at; i < std::min(at + kBatch, rows); ++i) {
      const Person person = MakePerson(static_cast<std::int64_t>(i), round);
      sqlite3_bind_int64(prepared, 1, person.id);
      sqlite3_bind_text(prepared, 2, person.first.data(), static_cast<int>(person.first.size()), SQLITE_STATIC);
      sqlite3_bind_text(prepared, 3, person.last.data(), static_cast<int>(person.last.size()), SQLITE_STATIC);
      sqlite3_bind_int(prepared, 4, person.age);
      Require(sqlite3_step(prepared) == SQLITE_DONE, sqlite3_errmsg(opened));
      sqlite3_reset(prepared);
    }
    Execute(opened, "COMMIT");
  }
  Report(rows, watch.seconds());
}

}  // namespace
}  // namespace limits

int main(int argc, char** argv) {
  return limits::Run([&] { limits::Main(argc, argv); });
}
