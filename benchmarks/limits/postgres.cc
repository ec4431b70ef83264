// The limit of PostgreSQL: rows made in memory, each batch one prepared upsert over arrays, one round trip, its
// own transaction. Binary arrays of the columns' own types, or of text, which the server then casts.
//
//   limit_postgres CONNINFO TABLE ROWS ROUND typed|text
#include <arpa/inet.h>
#include <libpq-fe.h>

#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "person.h"

namespace limits {
namespace {

constexpr std::uint32_t kInt8 = 20;
constexpr std::uint32_t kInt4 = 23;
constexpr std::uint32_t kText = 25;

struct Close {
  void operator()(PGconn* connection) const { PQfinish(connection); }
  void operator()(PGresult* result) const { PQclear(result); }
};

// The binary form of a one-dimensional array without NULLs.
class Array {
 public:
  void Start(std::uint32_t type, std::size_t elements) {
    bytes_.clear();
    for (const std::uint32_t number : {1U, 0U, type, static_cast<std::uint32_t>(elements), 1U}) Put(number);
  }
  void Add(const std::string& text) {
    Put(static_cast<std::uint32_t>(text.size()));
    bytes_ += text;
  }
  void Add(std::int32_t number) {
    Put(4);
    Put(static_cast<std::uint32_t>(number));
  }
  void Add(std::int64_t number) {
    Put(8);
    Put(static_cast<std::uint32_t>(static_cast<std::uint64_t>(number) >> 32U));
    Put(static_cast<std::uint32_t>(number));
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  void Put(std::uint32_t number) {
    const std::uint32_t big = htonl(number);
    bytes_.append(reinterpret_cast<const char*>(&big), sizeof big);
  }
  std::string bytes_;
};

void Check(PGconn* connection, PGresult* result) {
  const std::unique_ptr<PGresult, Close> owner(result);
  const ExecStatusType status = PQresultStatus(result);
  Require(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK, PQerrorMessage(connection));
}

std::string Statement(const std::string& table, bool typed) {
  const std::string source = typed ? "SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::int[])"
                                   : "SELECT a::bigint, b, c, d::int FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS u(a, b, c, d)";
  return "INSERT INTO " + table + " (person_id, first, last, age) " + source +
         " ON CONFLICT (person_id) DO UPDATE SET first = excluded.first, last = excluded.last, age = excluded.age";
}

void Main(int argc, char** argv) {
  const std::unique_ptr<PGconn, Close> connection(PQconnectdb(Argument(argc, argv, 1, "CONNINFO")));
  Require(PQstatus(connection.get()) == CONNECTION_OK, PQerrorMessage(connection.get()));
  const std::string table = Argument(argc, argv, 2, "TABLE");
  const auto rows = static_cast<std::size_t>(std::atoll(Argument(argc, argv, 3, "ROWS")));
  const int round = std::atoi(Argument(argc, argv, 4, "ROUND"));
  const bool typed = std::strcmp(Argument(argc, argv, 5, "typed|text"), "typed") == 0;
  Check(connection.get(), PQprepare(connection.get(), "w", Statement(table, typed).c_str(), 0, nullptr));
  std::array<Array, 4> arrays;
  const Stopwatch watch;
  for (std::size_t at = 0; at < rows; at += kBatch) {
    const std::size_t count = std::min(kBatch, rows - at);
    arrays[0].Start(typed ? kInt8 : kText, count);
    arrays[1].Start(kText, count);
    arrays[2].Start(kText, count);
    arrays[3].Start(typed ? kInt4 : kText, count);
    for (std::size_t i = at; i < at + count; ++i) {
      const Person person = MakePerson(static_cast<std::int64_t>(i), round);
      typed ? arrays[0].Add(person.id) : arrays[0].Add(std::to_string(person.id));
      arrays[1].Add(person.first);
      arrays[2].Add(person.last);
      typed ? arrays[3].Add(person.age) : arrays[3].Add(std::to_string(person.age));
    }
    std::array<const char*, 4> values{};
    std::array<int, 4> lengths{};
    const std::array<int, 4> formats{1, 1, 1, 1};
    for (std::size_t i = 0; i < 4; ++i) {
      values[i] = arrays[i].bytes().data();
      lengths[i] = static_cast<int>(arrays[i].bytes().size());
    }
    Check(connection.get(), PQexecPrepared(connection.get(), "w", 4, values.data(), lengths.data(), formats.data(), 0));
  }
  Report(rows, watch.seconds());
}

}  // namespace
}  // namespace limits

int main(int argc, char** argv) {
  return limits::Run([&] { limits::Main(argc, argv); });
}
