// Cells → the binary form of a PostgreSQL array of one dimension: nothing is escaped, bytes stay as they are.
// Source: https://github.com/postgres/postgres/blob/REL_15_STABLE/src/backend/utils/adt/arrayfuncs.c
// (array_recv)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "writebehind/row.h"

namespace writebehind {

// Writes into a string that the caller keeps from one array to the next, for its memory.
//
// Big-endian 32-bit numbers: dimensions (1), may it hold NULLs (1), type of the elements, how many, the first
// one's index (1); then each element's length (-1: NULL) and bytes.
class BinaryArray {
 public:
  static constexpr std::uint32_t kText = 25;  // the OIDs of the types, the same in every database
  static constexpr std::uint32_t kBytea = 17;

  // `elements`: how many will be added, at least 1.
  BinaryArray(std::string* bytes, std::uint32_t type, std::size_t elements) : bytes_(bytes) {
    bytes_->clear();
    for (const std::uint32_t number : {1U, 1U, type, static_cast<std::uint32_t>(elements), 1U}) Put(number);
  }

  void Add(const Cell& cell) {
    if (cell.state != Cell::State::kValue) return Put(UINT32_MAX);
    Put(static_cast<std::uint32_t>(cell.text.size()));
    bytes_->append(cell.text);
  }

 private:
  void Put(std::uint32_t number) {
    for (const unsigned shift : {24U, 16U, 8U, 0U}) *bytes_ += static_cast<char>(number >> shift & 0xFFU);
  }

  std::string* bytes_;
};

}  // namespace writebehind
