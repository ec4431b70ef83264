#include "database.h"

#include <cstdlib>
#include <regex>
#include <stdexcept>

namespace writebehind::test {
namespace {

SinkOptions FromUrl(const char* variable, const std::string& kind) {
  const char* url = std::getenv(variable);
  if (url == nullptr) {
    throw std::runtime_error(std::string(variable) +
                             " is not set: tests/conformance/test_sinks.py starts the servers");
  }
  static const std::regex kUrl("[a-z]+://([^:]+):([^@]+)@([^:]+):([0-9]+)/(.+)");
  std::cmatch parts;
  if (!std::regex_match(url, parts, kUrl)) throw std::runtime_error(std::string(variable) + " is no URL");
  SinkOptions options;
  options.kind = kind;
  options.user = parts[1];
  options.password = parts[2];
  options.host = parts[3];
  options.port = std::stoi(parts[4]);
  options.database = parts[5];
  return options;
}

}  // namespace

std::unique_ptr<Database> OpenDatabase(const std::string& kind) {
  if (kind == "postgres") return OpenPostgres(FromUrl("WB_TEST_POSTGRES", kind));
  if (kind == "mysql") return OpenMysql(FromUrl("WB_TEST_MYSQL", kind));
  return OpenSqlite();
}

}  // namespace writebehind::test
