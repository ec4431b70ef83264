#include "capture/pattern.h"

#include <algorithm>

namespace writebehind {
namespace {

// Reads the class whose `[` stood before `*at`, moves `*at` behind it; whether it holds `c`. A class that
// never ends reaches to the end of the glob; `[]` holds nothing.
bool ClassHolds(std::string_view glob, std::size_t* at, char c) {
  std::size_t i = *at;
  const bool negated = i < glob.size() && glob[i] == '^';
  if (negated) ++i;
  bool holds = false;
  while (i < glob.size() && glob[i] != ']') {
    if (glob[i] == '\\' && i + 1 < glob.size()) {
      holds = holds || glob[i + 1] == c;
      i += 2;
    } else if (i + 2 < glob.size() && glob[i + 1] == '-') {
      const auto [low, high] =
          std::minmax({static_cast<unsigned char>(glob[i]), static_cast<unsigned char>(glob[i + 2])});
      const auto byte = static_cast<unsigned char>(c);
      holds = holds || (low <= byte && byte <= high);
      i += 3;
    } else {
      holds = holds || glob[i] == c;
      ++i;
    }
  }
  *at = std::min(i + 1, glob.size());
  return holds != negated;
}

// Matches the element of the glob at `*at`, which is no `*`, against `c` and moves behind it.
bool ElementMatches(std::string_view glob, std::size_t* at, char c) {
  const char element = glob[(*at)++];
  if (element == '?') return true;
  if (element == '[') return ClassHolds(glob, at, c);
  if (element == '\\' && *at < glob.size()) return glob[(*at)++] == c;
  return element == c;
}

}  // namespace

bool GlobMatches(std::string_view glob, std::string_view text) {
  std::size_t g = 0;
  std::size_t t = 0;
  // The last star and where its tail was last tried: only it ever needs to grow.
  std::size_t star = std::string_view::npos;
  std::size_t star_text = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = ++g;
      star_text = t;
      continue;
    }
    if (g < glob.size() && ElementMatches(glob, &g, text[t])) {
      ++t;
      continue;
    }
    if (star == std::string_view::npos) return false;
    g = star;
    t = ++star_text;
  }
  return glob.find_first_not_of('*', g) == std::string_view::npos;
}

Pattern::Pattern(std::string_view glob) {
  std::size_t i = 0;
  for (; i < glob.size(); ++i) {
    if (glob[i] == '*' || glob[i] == '?' || glob[i] == '[') break;
    if (glob[i] == '\\' && i + 1 < glob.size()) ++i;
    prefix_.push_back(glob[i]);
  }
  tail_ = glob.substr(i);
  any_tail_ = tail_ == "*";
}

bool Pattern::MatchesTail(std::string_view tail) const {
  return tail_.empty() ? tail.empty() : GlobMatches(tail_, tail);
}

}  // namespace writebehind
