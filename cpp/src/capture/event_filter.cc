#include "capture/event_filter.h"

#include <algorithm>

#include "capture/redis_api.h"

namespace writebehind {
namespace {

std::string_view EventOf(std::string_view name) {
  if (name == "hmset" || name == "hsetnx") return "hset";
  if (name == "unlink") return "del";
  return name;
}

// These change when a key or field will end, not what it is.
bool ChangesLifetimeOnly(std::string_view event) {
  switch (event.empty() ? '\0' : event.front()) {
    case 'e':
      return event == "expire";
    case 'p':
      return event == "persist";
    case 'h':
      return event == "hexpire" || event == "hpersist";
    default:
      return false;
  }
}

}  // namespace

EventFilter::EventFilter(const std::vector<std::string>& names) : every_(false) {
  for (const std::string& name : names) {
    if (name != "change") names_.emplace_back(EventOf(name));
  }
}

bool EventFilter::Accepts(int type, std::string_view event) const {
  if (type == redis::kNotifyExpired) return expired_;
  if (type == redis::kNotifyEvicted || ChangesLifetimeOnly(event)) return false;
  return every_ || std::find(names_.begin(), names_.end(), event) != names_.end();
}

}  // namespace writebehind
