// What an error of MySQL or MariaDB means, by its number: SQLSTATEs are too coarse (a bad integer is 1265
// under 01000). Source: https://dev.mysql.com/doc/mysql-errors/9.0/en/ and
// https://mariadb.com/kb/en/mariadb-error-code-reference/
#pragma once

#include <string>
#include <string_view>

#include "writebehind/sink.h"
#include "writebehind/status.h"

namespace writebehind {

// kRefused, kTransient, kNotConnected or kConfig. An unknown one is kTransient: it is retried with its
// message.
Code MysqlCode(int number, std::string_view sqlstate);

// Texts were compared that no character set has in common: two, three, or more.
inline constexpr bool IsMysqlMixedCollations(int number) { return number == 1267 || number == 1270 || number == 1271; }

// Two values where one is wanted: how an upsert guards the row of another key (dialect_mysql.cc).
inline constexpr int kMysqlGuard = 1242;

// Of the client library: a handshake or a record of TLS failed.
inline constexpr int kMysqlTlsError = 2026;

// The same of a connect that failed: with a TLS error kConfig, unless the message says that the connection broke.
Code MysqlConnectCode(int number, std::string_view sqlstate, std::string_view message);

Constraint MysqlConstraint(int number);

// What names the constraint: a message of a duplicate without the value that it begins with.
std::string MysqlCause(int number, std::string_view message);

// Of a table, column or privilege that is missing: the configuration's fault where nothing was written yet.
bool IsMysqlSchemaError(int number);

}  // namespace writebehind
