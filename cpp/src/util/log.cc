#include "util/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>

namespace writebehind {
namespace {

std::atomic<bool> json_lines{false};

// Never destroyed: a thread that hangs in a driver call may log while the process ends.
spdlog::logger* Logger() {
  static spdlog::logger* const logger = [] {
    auto* made = new spdlog::logger("writebehind", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return logger;
}

spdlog::level::level_enum Level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarning: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
  }
  return spdlog::level::info;
}

}  // namespace

std::string JsonString(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void SetLogging(LogLevel level, bool json) {
  json_lines.store(json);
  Logger()->set_level(Level(level));
  Logger()->set_pattern(json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})" : "%Y-%m-%dT%H:%M:%S.%e%z %l %v");
}

void Log(LogLevel level, std::string_view pipeline, std::string_view message) {
  spdlog::logger* const logger = Logger();
  if (!logger->should_log(Level(level))) return;
  if (json_lines.load()) {
    logger->log(Level(level), "\"pipeline\":{},\"message\":{}", JsonString(pipeline), JsonString(message));
  } else if (pipeline.empty()) {
    logger->log(Level(level), "{}", message);
  } else {
    logger->log(Level(level), "{}: {}", pipeline, message);
  }
}

}  // namespace writebehind
