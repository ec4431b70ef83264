// What WB.REGISTER is given, what stands in the registry's key, and globs.
#include "capture/registration.h"

#include "capture/event_filter.h"
#include "capture/pattern.h"
#include "fuzz.h"

using namespace writebehind;

namespace {

template <typename Work>
void Refusing(const Work& work) {
  try {
    work();
  } catch (const BadDefinition&) {  // the only exception that a caller knows
  }
}

// The pattern of KEYS, as slowly and plainly as it can be said; false where it can't tell: a class.
bool PlainlyMatches(std::string_view glob, std::string_view text) {
  if (glob.empty()) return text.empty();
  if (glob.front() == '*') return PlainlyMatches(glob.substr(1), text) || (!text.empty() && PlainlyMatches(glob, text.substr(1)));
  if (text.empty()) return false;
  if (glob.front() == '\\' && glob.size() > 1) return glob[1] == text.front() && PlainlyMatches(glob.substr(2), text.substr(1));
  return (glob.front() == '?' || glob.front() == text.front()) && PlainlyMatches(glob.substr(1), text.substr(1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::string_view glob = input.Piece().substr(0, 8);  // more stars, and the plain way takes minutes
  const std::string_view key = input.Piece().substr(0, 16);
  const bool matches = GlobMatches(glob, key);
  WB_REQUIRE(Pattern(glob).Matches(key) == matches);
  if (glob.find('[') == std::string_view::npos) WB_REQUIRE(PlainlyMatches(glob, key) == matches);

  const std::string_view json = input.Rest();
  Refusing([&] {
    const std::string once = ReadWanted(json).definition;
    WB_REQUIRE(ReadWanted(once).definition == once);
  });
  Refusing([&] {
    const Definition definition = ParseDefinition(json);
    WB_REQUIRE(!definition.pattern.empty());
    if (definition.events) EventFilter(*definition.events).Accepts(key);
  });
  Refusing([&] {
    const std::string stored = Registration::FromJson(json).ToJson();
    WB_REQUIRE(Registration::FromJson(stored).ToJson() == stored);
  });
  return 0;
}
