// What a failed call of a driver came to: thrown by the sessions, caught by their sinks.
#pragma once

#include <string>

#include "writebehind/sink.h"
#include "writebehind/status.h"

namespace writebehind {

// Of a connect that only a person can mend.
inline constexpr char kLoginHint[] = "check the connection's user, password and options against the database's";

struct DriverFailure {
  std::string who;  // begins the status: "mysql"
  Code code = Code::kTransient;
  std::string message;         // the driver's own
  Constraint constraint = Constraint::kNone;  // with kRefused
  bool is_schema = false;      // a table, a column or a privilege is missing
  int number = 0;              // MySQL's; 0: it has none
  std::string cause{};         // with kRefused: the part of the message that no value of a row is in

  [[nodiscard]] Status ToStatus() const;
};

// For calls at the start, where a missing object, a lost privilege or a column too short is the
// configuration's.
template <typename Call>
Status Checked(const Call& call) {
  try {
    return call();
  } catch (const DriverFailure& failure) {
    const Status status = failure.ToStatus();
    const bool mendable = failure.is_schema || failure.code == Code::kRefused;
    return mendable ? Status(Code::kConfig, status.message()) : status;
  }
}

}  // namespace writebehind
