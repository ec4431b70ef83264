// Appends a change to a pipeline's stream: what runs inside every captured command.
#pragma once

#include <optional>
#include <string_view>

#include "capture/handles.h"
#include "capture/registry.h"

namespace writebehind {

struct Change {
  char op;               // 'c', 'u' or 'd'
  std::string_view key;  // the captured key
  redis::Key* hash;      // open for reading; null for a delete
  std::string_view uuid;
  bool shared = false;  // other pipelines capture this change too
};

// The stream has no time to live: what somebody gave it is taken away.
//
// Adds the entry here, on replicas and in the AOF, all with one ID. Nothing if the stream can hold no more.
std::optional<redis::StreamId> Append(redis::Context* ctx, Database* database, Pipeline* pipeline,
                                      const Change& change);
// Adds a packed entry that was there before: with its values and definition of then, and nobody to answer.
std::optional<redis::StreamId> AppendAgain(redis::Context* ctx, Database* database, Pipeline* pipeline,
                                           std::string_view packed);

}  // namespace writebehind
