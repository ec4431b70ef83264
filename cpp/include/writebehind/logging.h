// How the engine logs: lines on stderr, text or a JSON object each.
#pragma once

namespace writebehind {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Lines below `level` are dropped. Default: kInfo, text. Thread-safe.
void SetLogging(LogLevel level, bool json);

}  // namespace writebehind
