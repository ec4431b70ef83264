// The limit of MariaDB: rows made in memory, each batch a transaction of prepared upserts: of 1,000 rows each
// (multi), or one statement with an array for each column (bulk; MariaDB alone has it).
//
//   limit_mariadb PORT TABLE ROWS ROUND multi|bulk       (user, password and database are wb)
#include <mysql.h>

#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "person.h"

namespace limits {
namespace {

constexpr std::size_t kRows = 1000;

struct Close {
  void operator()(MYSQL* connection) const { mysql_close(connection); }
  void operator()(MYSQL_STMT* statement) const { mysql_stmt_close(statement); }
};

std::string Statement(const std::string& table, std::size_t rows) {
  std::string sql = "INSERT INTO " + table + " (person_id, first, last, age) VALUES ";
  for (std::size_t i = 0; i < rows; ++i) sql += i == 0 ? "(?,?,?,?)" : ",(?,?,?,?)";
  return sql + " ON DUPLICATE KEY UPDATE first = VALUES(first), last = VALUES(last), age = VALUES(age)";
}

class Writer {
 public:
  Writer(MYSQL* connection, const std::string& table, bool bulk)
      : connection_(connection), bulk_(bulk), statement_(mysql_stmt_init(connection)) {
    const std::string sql = Statement(table, bulk ? 1 : kRows);
    Check(mysql_stmt_prepare(statement_.get(), sql.data(), sql.size()) == 0);
  }

  void Write(const std::vector<Person>& people) {
    Execute("BEGIN");
    if (bulk_) {
      WriteBulk(people);
    } else {
      for (std::size_t at = 0; at < people.size(); at += kRows) WriteRows(&people[at]);
    }
    Execute("COMMIT");
  }

 private:
  void Check(bool good) {
    Require(good, std::string(mysql_stmt_error(statement_.get())) + mysql_error(connection_));
  }
  void Execute(const char* sql) { Check(mysql_query(connection_, sql) == 0); }

  static void Bind(MYSQL_BIND* bind, enum_field_types type, const void* buffer, std::size_t size) {
    bind->buffer_type = type;
    bind->buffer = const_cast<void*>(buffer);
    bind->buffer_length = size;
  }

  void WriteRows(const Person* people) {
    binds_.assign(kRows * 4, MYSQL_BIND{});
    for (std::size_t i = 0; i < kRows; ++i) {
      MYSQL_BIND* bind = &binds_[i * 4];
      Bind(bind, MYSQL_TYPE_LONGLONG, &people[i].id, 0);
      Bind(bind + 1, MYSQL_TYPE_STRING, people[i].first.data(), people[i].first.size());
      Bind(bind + 2, MYSQL_TYPE_STRING, people[i].last.data(), people[i].last.size());
      Bind(bind + 3, MYSQL_TYPE_LONG, &people[i].age, 0);
    }
    Check(mysql_stmt_bind_param(statement_.get(), binds_.data()) == 0);
    Check(mysql_stmt_execute(statement_.get()) == 0);
  }

  // Column-wise: a pointer to each text, and its length.
  void WriteBulk(const std::vector<Person>& people) {
    std::vector<std::int64_t> ids;
    std::vector<std::int32_t> ages;
    std::array<std::vector<const char*>, 2> texts;
    std::array<std::vector<unsigned long>, 2> lengths;
    for (const Person& person : people) {
      ids.push_back(person.id);
      ages.push_back(person.age);
      const std::array<const std::string*, 2> both{&person.first, &person.last};
      for (std::size_t i = 0; i < 2; ++i) {
        texts[i].push_back(both[i]->data());
        lengths[i].push_back(both[i]->size());
      }
    }
    std::array<MYSQL_BIND, 4> binds{};
    Bind(&binds[0], MYSQL_TYPE_LONGLONG, ids.data(), 0);
    for (std::size_t i = 0; i < 2; ++i) {
      Bind(&binds[i + 1], MYSQL_TYPE_STRING, texts[i].data(), 0);
      binds[i + 1].length = lengths[i].data();
    }
    Bind(&binds[3], MYSQL_TYPE_LONG, ages.data(), 0);
    auto count = static_cast<unsigned>(people.size());
    mysql_stmt_attr_set(statement_.get(), STMT_ATTR_ARRAY_SIZE, &count);
    Check(mysql_stmt_bind_param(statement_.get(), binds.data()) == 0);
    Check(mysql_stmt_execute(statement_.get()) == 0);
  }

  MYSQL* connection_;
  bool bulk_;
  std::unique_ptr<MYSQL_STMT, Close> statement_;
  std::vector<MYSQL_BIND> binds_;
};

void Main(int argc, char** argv) {
  const std::unique_ptr<MYSQL, Close> connection(mysql_init(nullptr));
  const auto port = static_cast<unsigned>(std::atoi(Argument(argc, argv, 1, "PORT")));
  const std::string table = Argument(argc, argv, 2, "TABLE");
  const auto rows = static_cast<std::size_t>(std::atoll(Argument(argc, argv, 3, "ROWS")));
  const int round = std::atoi(Argument(argc, argv, 4, "ROUND"));
  const bool bulk = std::strcmp(Argument(argc, argv, 5, "multi|bulk"), "bulk") == 0;
  Require(rows % kRows == 0, "ROWS is a multiple of 1000");
  const bool connected = mysql_real_connect(connection.get(), "127.0.0.1", "wb", "wb", "wb", port, nullptr, 0) != nullptr;
  Require(connected, mysql_error(connection.get()));
  Writer writer(connection.get(), table, bulk);
  std::vector<Person> people;
  const Stopwatch watch;
  for (std::size_t at = 0; at < rows; at += kBatch) {
    people.clear();
    for (std::size_t i = at; i < std::min(at + kBatch, rows); ++i) {
      people.push_back(MakePerson(static_cast<std::int64_t>(i), round));
    }
    writer.Write(people);
  }
  Report(rows, watch.seconds());
}

}  // namespace
}  // namespace limits

int main(int argc, char** argv) {
  return limits::Run([&] { limits::Main(argc, argv); });
}
