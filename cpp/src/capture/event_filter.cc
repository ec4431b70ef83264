#include "capture/event_filter.h"

#include <algorithm>
#include <iterator>

namespace writebehind {
namespace {

// The events of the commands whose event does not bear their name. `change` is of servers that this module
// never meets: those of a cluster of equals tell so of what another one changed.
constexpr struct {
  std::string_view command;
  std::string_view first;
  std::string_view second;
} kEventsOf[] = {
    {"change", {}, {}},
    {"hmset", "hset", {}},
    {"hsetnx", "hset", {}},
    {"hsetex", "hset", {}},
    {"hgetdel", "hdel", {}},
    {"unlink", "del", {}},
    {"getdel", "del", {}},
    {"delifeq", "del", {}},
    {"rename", "rename_from", "rename_to"},
    {"renamenx", "rename_from", "rename_to"},
    {"move", "move_from", "move_to"},
    {"copy", "copy_to", {}},
    {"getset", "set", {}},
    {"setnx", "set", {}},
    {"setex", "set", {}},
    {"psetex", "set", {}},
    {"mset", "set", {}},
    {"msetnx", "set", {}},
    {"msetex", "set", {}},
};

std::string Lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
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
  for (const std::string& given : names) {
    const std::string name = Lower(given);
    const auto* const found = std::find_if(std::begin(kEventsOf), std::end(kEventsOf),
                                           [&](const auto& row) { return row.command == name; });
    if (found == std::end(kEventsOf)) {
      names_.push_back(name);
      continue;
    }
    for (const std::string_view event : {found->first, found->second}) {
      if (!event.empty()) names_.emplace_back(event);
    }
  }
}

bool EventFilter::Accepts(std::string_view event) const {
  if (event == "expired") return expired_;
  if (NeverCaptured(event)) return false;
  return every_ || std::find(names_.begin(), names_.end(), event) != names_.end();
}

}  // namespace writebehind
