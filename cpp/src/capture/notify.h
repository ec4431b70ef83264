// From a keyspace event to the entries of the pipelines that capture it.
#pragma once

#include <cstddef>
#include <string_view>

#include "capture/registry.h"

namespace writebehind {

// While a command with a `#` field works on its key, this says how the changes of that key are to be
// captured.
struct CurrentChange {
  std::string_view key;
  std::string_view uuid;
  bool suppressed = false;
  std::size_t captured = 0;  // set by the capture: by how many pipelines
  bool lost = false;         // and whether one's stream could not take it
};

// Null: no such command is at work. Whoever sets it takes it back.
void SetCurrentChange(CurrentChange* change);

// An event that every pipeline captures, whatever its list of events.
inline constexpr std::string_view kAnyEvent{};

// Captures what the key is now in every pipeline that takes this event of it. How many did.
std::size_t CaptureKey(redis::Context* ctx, Database* database, redis::String* key, std::string_view event);

bool SubscribeToKeyspace(redis::Context* ctx);

}  // namespace writebehind
