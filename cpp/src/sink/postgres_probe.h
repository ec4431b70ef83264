// Why PostgreSQL could not be connected to, whatever language it speaks.
#pragma once

#include <chrono>
#include <string>

#include "writebehind/status.h"

namespace writebehind {

// Connects once more, for `limit` at most, because libpqxx keeps of a failed connect only the message, in the
// server's language. kConfig for what only a person can mend, kNotConnected for what may pass (or has
// passed).
Code ProbePostgres(const std::string& connection_string, std::chrono::milliseconds limit);

}  // namespace writebehind
