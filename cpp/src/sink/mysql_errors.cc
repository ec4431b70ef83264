#include "sink/mysql_errors.h"

#include <algorithm>
#include <array>

namespace writebehind {
namespace {

template <std::size_t n>
bool Among(int number, const std::array<int, n>& numbers) {
  return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

constexpr std::array kOfRow = {
    1048,  // column cannot be null
    1364,  // field has no default value
    3819,  // check constraint (MySQL)
    4025,  // check constraint (MariaDB)
};

constexpr std::array kOfRows = {
    1062,              // duplicate entry
    1169,              // duplicate of a unique constraint
    kMysqlGuard,
    1557, 1761, 1762,  // foreign key and a duplicate
    1586,              // duplicate entry, named
    1859,              // duplicate entry in an index
};

constexpr std::array kForeignKey = {1216, 1217, 1451, 1452};

constexpr std::array kData = {
    1118,                                // row size too large
    1263,                                // NULL to a NOT NULL column
    1264,                                // out of range
    1265,                                // data truncated
    1292,                                // incorrect value
    1300,                                // invalid character string
    1365,                                // division by zero
    1366,                                // incorrect string or integer value
    1367,                                // illegal value
    1406,                                // data too long
    1411,                                // incorrect value for a function
    1416,                                // not a geometry
    1441,                                // datetime overflow
    1526,                                // no partition for the value
    1644,                                // SIGNAL
    1690,                                // value out of range
    1748,                                // row does not belong to the partition
    3140, 3141, 3144, 3156, 3157, 3158,  // JSON
    3854, 3988,                          // a text that the column's character set lacks
    4078,                                // illegal parameter types (MariaDB)
};

constexpr std::array kNotConnected = {
    1040, 1203, 1226,                                                        // too many connections
    1053, 1077, 1079,                                                        // shutdown
    1080, 1152, 1153, 1154, 1155, 1156, 1157, 1158, 1159, 1160, 1161, 1184,  // the connection broke
    1129,                                                                    // host blocked after errors
    1290, 1836,        // read-only: this server is a replica now
    1927, 3169, 4031,  // the session was killed
    2002, 2003, 2004, 2005, 2006, 2009, 2011, 2012, 2013, kMysqlTlsError, 2027, 2048, 2055,  // of the client library
};

constexpr std::array kConfig = {
    1044, 1045, 1049, 1130, 1227, 1251, 1698, 1820, 1862,
    3118, 3159, 2049, 2054, 2058, 2059, 2061,  // sign-in, of the client library
};

constexpr std::array kSchema = {1054, 1072, 1109, 1142, 1143, 1146, 1176, 1227, 1356};

}  // namespace

Code MysqlCode(int number, std::string_view sqlstate) {
  if (MysqlConstraint(number) != Constraint::kNone || Among(number, kData)) return Code::kRefused;
  if (Among(number, kNotConnected)) return Code::kNotConnected;
  if (Among(number, kConfig)) return Code::kConfig;
  // Newer numbers of the classes that only a value or a constraint can cause, and a SIGNAL's own class.
  if (sqlstate.starts_with("22") || sqlstate.starts_with("23") || sqlstate.starts_with("45"))
    return Code::kRefused;
  if (sqlstate.starts_with("08")) return Code::kNotConnected;
  return Code::kTransient;
}

Code MysqlConnectCode(int number, std::string_view sqlstate, std::string_view message) {
  if (number != kMysqlTlsError) return MysqlCode(number, sqlstate);
  constexpr std::array<std::string_view, 5> kBroken = {"unexpected eof", "reset by peer", "Broken pipe", "timed out", "terminated"};
  for (const std::string_view part : kBroken) {
    if (message.find(part) != std::string_view::npos) return Code::kNotConnected;
  }
  return Code::kConfig;
}

Constraint MysqlConstraint(int number) {
  if (Among(number, kOfRow)) return Constraint::kOfRow;
  if (Among(number, kOfRows)) return Constraint::kOfRows;
  return Among(number, kForeignKey) ? Constraint::kForeignKey : Constraint::kNone;
}

std::string MysqlCause(int number, std::string_view message) {
  // Duplicate entry 'x' for key 'name', in any language: the name is the last in quotes, and has none in it.
  constexpr std::array kDuplicate = {1062, 1586, 1859};
  if (!Among(number, kDuplicate)) return std::string(message);
  const std::size_t end = message.rfind('\'');
  if (end == std::string_view::npos || end == 0) return {};
  const std::size_t begin = message.rfind('\'', end - 1);
  return begin == std::string_view::npos ? std::string() : "key " + std::string(message.substr(begin, end + 1 - begin));
}

bool IsMysqlSchemaError(int number) { return Among(number, kSchema); }

}  // namespace writebehind
