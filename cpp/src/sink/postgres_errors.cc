#include "sink/postgres_errors.h"

#include <algorithm>
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

// What libpq itself finds wrong with options and certificates. Its language is that of this process, which is
// English unless the program that we are in asks for another.
constexpr std::array<std::string_view, 6> kMendable = {"invalid",     "certificate", "does not support SSL",
                                                       "private key", "tlsv1 alert", "sslv3 alert"};

// The last five characters, where they are one: "…: FATAL:  28P01".
std::string_view TrailingState(std::string_view message) {
  while (message.ends_with('\n')) message.remove_suffix(1);
  if (message.size() < 7) return {};
  const std::string_view state = message.substr(message.size() - 5);
  const bool fits = std::all_of(state.begin(), state.end(),
                                [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); });
  return fits && message.substr(message.size() - 7, 2) == "  " ? state : std::string_view();
}

}  // namespace

Code PostgresCode(std::string_view sqlstate) {
  for (const Rule& rule : kRules) {
    if (sqlstate.starts_with(rule.prefix)) return rule.code;
  }
  return Code::kTransient;
}

Constraint PostgresConstraint(std::string_view sqlstate) {
  if (!sqlstate.starts_with("23")) return Constraint::kNone;
  if (sqlstate == "23502" || sqlstate == "23514") return Constraint::kOfRow;        // NOT NULL, CHECK
  if (sqlstate == "23503" || sqlstate == "23001") return Constraint::kForeignKey;  // and its ON DELETE RESTRICT
  return Constraint::kOfRows;
}

std::string PostgresCause(std::string_view message) { return std::string(message.substr(0, message.find('\n'))); }

Code PostgresConnectCode(std::string_view message) {
  const std::string_view state = TrailingState(message);
  if (!state.empty()) {
    const Code code = PostgresCode(state);
    // While nothing is written yet, a privilege, a name or a setting that is refused is wrong by
    // configuration.
    const bool mendable = code == Code::kConfig || code == Code::kRefused || state.starts_with("42");
    return mendable ? Code::kConfig : Code::kNotConnected;
  }
  for (const std::string_view part : kMendable) {
    if (message.find(part) != std::string_view::npos) return Code::kConfig;
  }
  return Code::kNotConnected;
}

}  // namespace writebehind
