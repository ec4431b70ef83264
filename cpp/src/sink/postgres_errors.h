// What a PostgreSQL error means, by its SQLSTATE.
// Source: https://www.postgresql.org/docs/current/errcodes-appendix.html
#pragma once

#include <string>
#include <string_view>

#include "writebehind/sink.h"
#include "writebehind/status.h"

namespace writebehind {

// kRefused, kTransient, kNotConnected or kConfig. An unknown one is kTransient: it is retried with its
// message. kRefused includes 21000 (two rows of one statement meet in one key), which no single row can
// cause.
Code PostgresCode(std::string_view sqlstate);

Constraint PostgresConstraint(std::string_view sqlstate);

// What names the constraint: the message without the lines behind it, which show the row.
std::string PostgresCause(std::string_view message);

// Of a failed connect: `message` ends with the server's SQLSTATE (libpq's PQERRORS_SQLSTATE), or is libpq's
// own. kConfig for what only a person can mend, kNotConnected for all else.
Code PostgresConnectCode(std::string_view message);

}  // namespace writebehind
