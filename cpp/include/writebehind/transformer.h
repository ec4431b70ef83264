// Seam 2: what a recipe's own function makes of changes, before they are mapped.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "writebehind/definition.h"
#include "writebehind/record.h"
#include "writebehind/status.h"

namespace writebehind {

struct Transformed {
  enum class Verdict : std::uint8_t { kKept, kDropped, kRefused };
  Verdict verdict = Verdict::kKept;
  std::string reason;  // kRefused: for the rejected stream and the writer's answer
  // kKept: the hash as it is to be mapped; what is not named, or has no value, is a field that it lacks.
  std::vector<std::pair<std::string, std::optional<std::string>>> fields;
};

// Called by a writer's thread, once per batch, with the upserts that are to be written, all captured under
// `definition`; several writers may call it at once. REQUIRES: one answer for each record, in their order. A
// status that is not ok: nothing could be transformed, try again.
using Transformer = std::function<Status(const Definition& definition, std::span<const Record* const> records,
                                         std::vector<Transformed>* transformed)>;

}  // namespace writebehind
