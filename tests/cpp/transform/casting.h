// What the tests of casting share: a text cast to a type, and tables of texts.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "transform/cast.h"

namespace writebehind::test {

inline constexpr char kRefused[] = "(refused)";

// The canonical text, or kRefused.
inline std::string To(const ColumnType& type, std::string_view text) {
  static RowArena arena;
  std::string_view out;
  return Cast(type, text, &arena, &out).empty() ? std::string(out) : kRefused;
}

inline ColumnType Of(TypeKind kind) {
  ColumnType type;
  type.kind = kind;
  return type;
}

struct Case {
  std::string_view text;
  std::string_view expected;
};

inline void Check(const ColumnType& type, const std::vector<Case>& cases) {
  for (const Case& one : cases) EXPECT_EQ(one.expected, To(type, one.text)) << "'" << one.text << "'";
}

}  // namespace writebehind::test
