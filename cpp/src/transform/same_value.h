// Are two texts, as Cast makes them, one value of a type?
#pragma once

#include <string_view>

#include "writebehind/catalog.h"

namespace writebehind {

// Looks through what a database does to a value that it stores without another meaning: zeros behind a fraction,
// blanks behind a char(n), the spelling of JSON, a double's last digits.
bool SameValue(const ColumnType& type, std::string_view one, std::string_view other);

}  // namespace writebehind
