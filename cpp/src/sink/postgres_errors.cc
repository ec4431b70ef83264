#include "sink/postgres_errors.h"

#include <array>
#include <utility>

namespace writebehind {
namespace {

struct Rule {
  std::string_view prefix;
  Code code;
};

// The first prefix that fits decides.
constexpr std::array kRules = {
    Rule{"08", Code::kNotConnected},     // connection exception
    Rule{"21000", Code::kRefused},       // cardinality violation
    Rule{"22", Code::kRefused},          // data exception
    Rule{"23", Code::kRefused},          // integrity constraint violation
    Rule{"25006", Code::kNotConnected},  // read-only transaction: this server is a standby now
    Rule{"28", Code::kConfig},           // invalid authorization
    Rule{"3D000", Code::kConfig},        // no such database
    Rule{"40", Code::kTransient},        // serialization failure, deadlock
    Rule{"53300", Code::kNotConnected},  // too many connections
    Rule{"54000", Code::kRefused},       // program limit exceeded: a value too large for an index
    Rule{"57P01", Code::kNotConnected},  // admin shutdown
    Rule{"57P02", Code::kNotConnected},  // crash shutdown
    Rule{"57P03", Code::kNotConnected},  // cannot connect now
    Rule{"57P05", Code::kNotConnected},  // idle session timeout
    Rule{"25P03", Code::kNotConnected},  // idle in transaction session timeout
    Rule{"P0001", Code::kRefused},       // RAISE EXCEPTION
};

constexpr std::array<std::string_view, 9> kMendable = {
    "password authentication failed",
    "no password supplied",
    "\" does not exist",
    "pg_hba.conf",
    "invalid connection option",
    "authentication failed",
    "invalid value for parameter",
    "permission denied for database",
    "certificate",
};

}  // namespace

Code PostgresCode(std::string_view sqlstate) {
  for (const Rule& rule : kRules) {
    if (sqlstate.starts_with(rule.prefix)) return rule.code;
  }
  return Code::kTransient;
}

bool IsPostgresConstraint(std::string_view sqlstate) { return sqlstate.starts_with("23"); }

Code PostgresConnectCode(std::string_view message) {
  for (const std::string_view part : kMendable) {
    if (message.find(part) != std::string_view::npos) return Code::kConfig;
  }
  return Code::kNotConnected;
}

}  // namespace writebehind
