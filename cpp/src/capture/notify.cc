#include "capture/notify.h"

#include "capture/answer.h"
#include "capture/append.h"
#include "capture/deferred.h"
#include "capture/guard.h"
#include "capture/kept_keys.h"
#include "capture/own_keys.h"
#include "capture/own_writes.h"
#include "capture/server.h"

namespace writebehind {
namespace {

CurrentChange* current_change = nullptr;

// The key that was made last: the event that tells of its value comes after the one that tells of its making.
struct NewKey {
  int database = -1;
  std::string name;

  void Set(int index, std::string_view key) {
    database = index;
    name.assign(key);
  }
  bool Take(int index, std::string_view key) {
    if (database != index || name != key) return false;
    database = -1;
    return true;
  }
};

NewKey& LastNewKey() {
  static NewKey key;
  return key;
}

bool Takes(const Pipeline& pipeline, std::string_view key, std::string_view event) {
  return pipeline.active() && pipeline.pattern().Matches(key) &&
         (event == kAnyEvent || pipeline.events().Accepts(event));
}

// So that what is captured finds its registration, also in the MULTI that flushed it. It is written again
// later.
void SaveEarly(redis::Context* ctx, Database* database) {
  if (!database->unsaved || database->saved_early) return;
  database->saved_early = true;
  database->Save(ctx);
}

std::size_t CountTaking(const Database& database, std::string_view key, std::string_view event) {
  std::size_t taking = 0;
  for (const auto& pipeline : database.pipelines()) taking += Takes(*pipeline, key, event) ? 1U : 0U;
  return taking;
}

// An event of this key that the pipeline does not capture.
void PassOver(redis::Context* ctx, const Pipeline& pipeline, std::string_view key, std::string_view event) {
  const bool is_gone = TakesAway(event) && pipeline.active() && !pipeline.key_fields().empty();
  if (is_gone && pipeline.pattern().Matches(key)) KeptKeys::Forget(ctx, pipeline, key);
}

std::size_t Capture(redis::Context* ctx, Database* database, redis::String* key, std::string_view event,
                    bool made, CurrentChange* current) {
  const std::string_view name = View(key);
  Change change{'d', name, nullptr, current == nullptr ? std::string_view{} : current->uuid};
  change.shared = !change.uuid.empty() && CountTaking(*database, name, event) > 1;
  KeyHandle hash;
  bool opened = false;
  std::size_t captured = 0;
  for (const auto& pipeline : database->pipelines()) {
    if (!Takes(*pipeline, name, event)) {
      PassOver(ctx, *pipeline, name, event);
      continue;
    }
    if (!opened) {
      opened = true;
      SaveEarly(ctx, database);
      if (!TakesAway(event)) hash = Peek(ctx, key);  // to look for what is gone would only count a miss
      // What another module keeps may be a document: those are not captured. But it has no row here, so that
      // where it takes the place of a hash, that one's row has to go.
      if (TypeOf(hash) == redis::kModule && !BringsValue(event)) return 0;
      // While its last fields expire, a hash is there and has none.
      const bool is_hash = TypeOf(hash) == redis::kHash;
      if (is_hash && redis::ValueLength(hash.get()) > 0) {
        change.hash = hash.get();
        change.op = made ? 'c' : 'u';
      } else if (is_hash && event == "hset") {
        // HSETEX with a time that is over made a hash and set nothing: its end is an event of its own. What
        // is written here would let Valkey 9 send the command to replicas, where an empty hash stays.
        return 0;
      }
    }
    const auto id = Append(ctx, database, pipeline.get(), change);
    if (!id) {
      if (current != nullptr) current->lost = true;
      continue;
    }
    ++captured;
    if (change.shared) AwaitSettlement(ctx, *pipeline, *id, name, change.uuid);
  }
  if (current != nullptr) current->captured += captured;
  return captured;
}

// Valkey 8.1.1 lends its modules the client itself and leaves it in the database of the last event: after
// MOVE the client would go on in the other database. It is put back to where the key came from. (COPY to
// another database has no event in the first, so nothing can be done for it.)
void RestoreDatabase(redis::Context* ctx, std::string_view event) {
  static int from = 0;
  if (event == "move_from") from = redis::GetSelectedDb(ctx);
  if (event == "move_to") redis::SelectDb(ctx, from);
}

void Handle(redis::Context* ctx, int type, std::string_view event, redis::String* key) {
  const std::string_view name = View(key);
  Server& server = Server::Get();
  if (IsOwnKey(name)) return server.OnOwnKey(ctx, name, event);
  if (OwnWrites::InProgress()) return;  // an answer, whatever pattern its name matches
  Database* database = server.Capturing(ctx);
  if (database == nullptr || AnswerKeys::Get().Owns(database->index(), name, event)) return;
  if (!database->Captures(name)) return;  // most events of most servers: nothing below is for them
  if (type == redis::kNotifyNew) return LastNewKey().Set(database->index(), name);
  // Taken by the first event, captured or not: the next one is of a key that was there.
  const bool made = LastNewKey().Take(database->index(), name);
  CurrentChange* current =
      current_change != nullptr && current_change->key == name ? current_change : nullptr;
  if (current != nullptr && current->suppressed) {
    for (const auto& pipeline : database->pipelines()) PassOver(ctx, *pipeline, name, event);
    return Deferred::Get().Forget(database->index(), name);
  }
  if (current == nullptr && Deferred::Get().Takes(ctx, database->index(), name, event)) return;
  Capture(ctx, database, key, event, made, current);
}

int OnKeyspaceEvent(redis::Context* ctx, int type, const char* event, redis::String* key) {
  Guarded(ctx, "a capture", [&] { Handle(ctx, type, event, key); });
  if (type == redis::kNotifyGeneric && event[0] == 'm') RestoreDatabase(ctx, event);
  return redis::kOk;
}

}  // namespace

void SetCurrentChange(CurrentChange* change) { current_change = change; }

std::size_t CaptureKey(redis::Context* ctx, Database* database, redis::String* key, std::string_view event) {
  return Capture(ctx, database, key, event, false, current_change);
}

bool SubscribeToKeyspace(redis::Context* ctx) {
  using namespace redis;
  constexpr int kTypes = kNotifyGeneric | kNotifyString | kNotifyList | kNotifySet | kNotifyHash |
                         kNotifyZset | kNotifyExpired | kNotifyEvicted | kNotifyStream | kNotifyModule |
                         kNotifyNew;
  return SubscribeToKeyspaceEvents(ctx, kTypes, OnKeyspaceEvent) == kOk;
}

}  // namespace writebehind
