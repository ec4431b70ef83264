#include "capture/event_filter.h"

#include <algorithm>

namespace writebehind {
namespace {

std::string_view EventOf(std::string_view name) {
  if (name == "hmset" || name == "hsetnx") return "hset";
  if (name == "unlink") return "del";
  return name;
}

// An eviction is no change of the data, and the others change when a key or field will end, not what it is.
bool NeverCaptured(std::string_view event) {
  switch (event.empty() ? '\0' : event.front()) {
    case 'e':
      return event == "expire" || event == "evicted";
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

bool EventFilter::Accepts(std::string_view event) const {
  if (event == "expired") return expired_;
  if (NeverCaptured(event)) return false;
  return every_ || std::find(names_.begin(), names_.end(), event) != names_.end();
}

}  // namespace writebehind
