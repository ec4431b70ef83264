// The engine's log lines, to stderr: text, or a JSON object a line.
//
// Thread-safe. Never pass a password or a connection string; values of rows only where a person needs
// them (a rejected value, cut to 200 bytes).
#pragma once

#include <string>
#include <string_view>

#include "writebehind/logging.h"

namespace writebehind {

// `pipeline` may be empty.
void Log(LogLevel level, std::string_view pipeline, std::string_view message);

// `text` as a JSON string, quotes included; bytes that are no UTF-8 become U+FFFD.
std::string JsonString(std::string_view text);

}  // namespace writebehind
