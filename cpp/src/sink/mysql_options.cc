#include "sink/mysql_options.h"

#include <algorithm>
#include <charconv>

namespace writebehind {
namespace {

// A driver option as the type that its text looks like; the library refuses the wrong one.
void AddOption(const std::string& name, const std::string& value, sql::ConnectOptionsMap* map) {
  int number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (value == "true" || value == "false") {
    (*map)[name] = value == "true";
  } else if (error == std::errc{} && end == value.data() + value.size()) {
    (*map)[name] = number;
  } else {
    (*map)[name] = sql::SQLString(value);
  }
}

}  // namespace

int MysqlSeconds(std::chrono::milliseconds time) {
  return static_cast<int>(std::max<std::int64_t>(1, (time.count() + 999) / 1000));
}

sql::ConnectOptionsMap MysqlConnectOptions(const SinkOptions& options, std::chrono::milliseconds connect_timeout) {
  sql::ConnectOptionsMap map;
  const std::string host = options.host.empty() ? "127.0.0.1" : options.host;
  const int port = options.port == 0 ? 3306 : options.port;
  map["hostName"] =
      sql::SQLString(host.front() == '/' ? "unix://" + host : "tcp://" + host + ":" + std::to_string(port));
  map["userName"] = sql::SQLString(options.user);
  map["password"] = sql::SQLString(options.password);
  map["schema"] = sql::SQLString(options.database);
  map["OPT_CONNECT_TIMEOUT"] = MysqlSeconds(connect_timeout);
  if (options.statement_timeout.count() > 0) {
    // A little behind the server's own limit on lock waits, which leaves the connection usable.
    map["OPT_READ_TIMEOUT"] = MysqlSeconds(options.statement_timeout) + 5;
    map["OPT_WRITE_TIMEOUT"] = MysqlSeconds(options.statement_timeout) + 5;
  }
  map["CLIENT_FOUND_ROWS"] = true;
  for (const auto& [name, value] : options.driver) AddOption(name, value, &map);
  return map;
}

bool MysqlDemandsTls(const SinkOptions& options) {
  const std::pair<std::string, std::string> demand{"sslEnforce", "true"};
  return std::find(options.driver.begin(), options.driver.end(), demand) != options.driver.end();
}

}  // namespace writebehind
