// A key pattern: the globs of KEYS, with the usual `person:*` decided by one comparison.
#pragma once

#include <string>
#include <string_view>

namespace writebehind {

class Pattern {
 public:
  Pattern() = default;
  explicit Pattern(std::string_view glob);

  [[nodiscard]] bool Matches(std::string_view key) const {
    if (key.size() < prefix_.size() || key.compare(0, prefix_.size(), prefix_) != 0) return false;
    return any_tail_ || MatchesTail(key.substr(prefix_.size()));
  }

  // What every key that matches begins with.
  [[nodiscard]] const std::string& prefix() const { return prefix_; }

 private:
  [[nodiscard]] bool MatchesTail(std::string_view tail) const;

  std::string prefix_;
  std::string tail_;       // the glob behind the prefix
  bool any_tail_ = false;  // it is `*`
};

// `*`, `?`, `[a-z]`, `[^a-z]` and `\` as Redis reads them.
bool GlobMatches(std::string_view glob, std::string_view text);

}  // namespace writebehind
