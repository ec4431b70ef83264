// A registration: what `writebehind:registry` holds for a pipeline, and the definitions in it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace writebehind {

// The JSON is not what it has to be; what() says what and where.
class BadDefinition : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The part of a definition that the module reads.
struct Definition {
  std::string version;  // empty: the recipe has none
  std::string pattern;
  std::optional<std::vector<std::string>> events;  // absent: every event
  bool expired_deletes = false;
  std::optional<std::vector<std::string>> fields;  // absent: every field of the hash, by name
  std::vector<std::string> key_fields;             // fields that are key columns, sorted
  bool shared_rows = false;                        // several Redis keys may name one row
};

// Of what may wait; no part of a definition, because it says nothing about rows.
struct Limit {
  std::uint64_t max_pending = 0;  // 0: none
  bool refuses = false;           // at it, commands that would add to what waits are refused
};

struct Registration {
  std::uint32_t definition = 0;  // serial of the current one
  std::vector<std::uint64_t> identities;
  std::uint64_t origin = 0;
  bool active = true;
  Limit limit;
  std::map<std::uint32_t, std::string> definitions;  // serial → JSON as Wanted has it

  [[nodiscard]] std::string ToJson() const;
  static Registration FromJson(std::string_view json);  // throws BadDefinition
};

// What WB.REGISTER is given, taken apart.
struct Wanted {
  std::string definition;  // one spelling for equal JSON: keys sorted, no blanks
  Limit limit;
};

// Throws BadDefinition.
Wanted ReadWanted(std::string_view json);

// Throws BadDefinition.
Definition ParseDefinition(std::string_view json);

// Null, or why a pipeline can't have this name.
const char* RefuseName(std::string_view name);

// 64 bits as 16 hex digits, and back.
std::string IdentityText(std::uint64_t identity);
std::optional<std::uint64_t> ParseIdentity(std::string_view text);

// Never 0.
std::uint64_t RandomIdentity();

}  // namespace writebehind
