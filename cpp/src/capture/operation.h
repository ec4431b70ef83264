// What the field `#` of an HSET asks for: `<op>[uuid]` (docs/protocol.md). No word of Redis is needed to read it.
#pragma once

#include <cstddef>
#include <string_view>

namespace writebehind {

// The field that is never stored.
inline constexpr std::string_view kOperationField = "#";

struct Operation {
  std::size_t count = 0;  // how many fields asked
  char op = '\0';         // what the last of them asked for; '\0': nothing
  std::string_view uuid;  // a view into its value

  void Read(std::string_view value) {
    ++count;
    op = value.empty() ? '\0' : value.front();
    uuid = value.empty() ? value : value.substr(1);
  }

  [[nodiscard]] bool deletes() const { return op == '-' || op == '~'; }
  [[nodiscard]] bool silent() const { return op == '-' || op == '+'; }

  // Null, or the error that answers it.
  [[nodiscard]] const char* Refusal() const {
    if (count > 1) return "ERR the field '#' is given twice";
    const bool is_known = op == '+' || op == '=' || op == '-' || op == '~';
    return is_known ? nullptr : "ERR the field '#' must begin with '+', '=', '-' or '~'";
  }
};

// Of the words behind a command's key, fields and values in turn: `visit(i)` for each field at `i` that is no
// `#`. `word(i)` is a string_view.
template <typename Word, typename Visit>
Operation ReadOperation(std::size_t first, std::size_t size, const Word& word, const Visit& visit) {
  Operation operation;
  for (std::size_t i = first; i + 1 < size; i += 2) {
    if (word(i) == kOperationField) {
      operation.Read(word(i + 1));
    } else {
      visit(i);
    }
  }
  return operation;
}

}  // namespace writebehind
