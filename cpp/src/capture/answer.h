// Answers to the writers of changes: the streams `{<key>}<uuid>`.
#pragma once

#include <string>
#include <string_view>

#include "capture/key_set.h"
#include "capture/registry.h"

namespace writebehind {

// Writes the answer: `done` if `error` is empty, else `failed`. False (and a line in the log) if a key that
// is no stream stands in its place.
bool WriteAnswer(redis::Context* ctx, std::string_view key, std::string_view uuid, std::string_view error);

// The answers whose names a pipeline's pattern matches (as `*` does): keys of writebehind's own, never
// captured. Only memory knows them; what a restart forgets is at worst captured as the delete of a row that
// never was.
class AnswerKeys {
 public:
  static AnswerKeys& Get();

  void Add(int database, std::string_view key) { keys_.emplace(database, key); }
  void Forget(int database);  // a flush took them
  void Swap(int first, int second);
  void Clear() { keys_.clear(); }  // on a replica nothing is captured
  // The event is of an answer, and is not to be captured.
  bool Owns(int database, std::string_view key, std::string_view event);

 private:
  KeySet keys_;
};

// Removes what is left of an earlier answer. Returns false and does nothing if the key is no stream.
bool ClearAnswer(redis::Context* ctx, std::string_view key, std::string_view uuid);

// Notes that this pipeline, among others, has still to settle the change.
void AwaitSettlement(redis::Context* ctx, const Pipeline& pipeline, redis::StreamId id, std::string_view key,
                     std::string_view uuid);

// Whoever settles the change last will answer `failed`, with this error.
void FailSettlement(redis::Context* ctx, std::string_view key, std::string_view uuid, std::string_view error);

struct Settled {
  redis::StreamId id;
  bool shared;
  std::string key;
  std::string uuid;
  std::string_view error;
};

// One pipeline has settled its entry, which is removed already: answers, unless other pipelines have the
// change still before them. Whether it answered.
bool Settle(redis::Context* ctx, const Database& database, const Pipeline& pipeline, std::uint64_t identity,
            const Settled& settled);

}  // namespace writebehind
