// Which keyspace events a pipeline captures.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace writebehind {

// These events say that the key's value went elsewhere, or nowhere.
inline bool TakesAway(std::string_view event) {
  return event == "del" || event == "expired" || event == "evicted" || event == "rename_from" ||
         event == "move_from";
}

// These say that the key's value came as a whole, perhaps over another of another type.
inline bool BringsValue(std::string_view event) {
  return event == "rename_to" || event == "move_to" || event == "copy_to" || event == "restore";
}

class EventFilter {
 public:
  // Captures every event that changes a key's value or existence.
  EventFilter() = default;

  // Captures these alone, in whatever case they are written. Commands' names stand for the events they make:
  // hmset for hset, unlink for del, rename for rename_from and rename_to. `change` names no event.
  explicit EventFilter(const std::vector<std::string>& names);

  // Expired keys keep their row unless this is set; a list of events has no say in it.
  void set_expired(bool captured) { expired_ = captured; }

  // `new` is not for this filter.
  [[nodiscard]] bool Accepts(std::string_view event) const;

 private:
  bool every_ = true;
  bool expired_ = false;
  std::vector<std::string> names_;
};

}  // namespace writebehind
