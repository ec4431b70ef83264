// Shares of made-up records, as a feeder deals them out.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "writebehind/parcel.h"

namespace writebehind {

struct Line {
  std::string key;
  std::uint64_t identity = 1;
  std::uint32_t definition = 1;
  std::size_t bytes = 10;
};

// A parcel that owns its texts, with IDs counted up from `first`.
inline std::unique_ptr<Share> ShareOf(const std::vector<Line>& lines, std::uint64_t first = 1) {
  auto texts = std::make_shared<std::vector<std::string>>();
  auto parcel = std::make_shared<Parcel>();
  texts->reserve(lines.size() * 2);
  for (const Line& line : lines) {
    Record record;
    record.id = {first++, 0};
    record.identity = line.identity;
    record.definition = line.definition;
    record.key = texts->emplace_back(line.key);
    record.packed = texts->emplace_back(line.bytes, 'x');
    parcel->records.push_back(record);
  }
  parcel->bytes_owner = texts;
  return std::make_unique<Share>(Share{parcel, true, {}});
}

}  // namespace writebehind
