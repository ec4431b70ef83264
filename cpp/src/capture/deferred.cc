#include "capture/deferred.h"

#include "capture/guard.h"
#include "capture/notify.h"
#include "capture/server.h"

namespace writebehind {
namespace {

constexpr long long kCaptureAfterMs = 1;
constexpr long long kRetryAfterMs = 20;

}  // namespace

Deferred& Deferred::Get() {
  static Deferred deferred;
  return deferred;
}

bool Deferred::Takes(redis::Context* ctx, int database, std::string_view key, std::string_view event) {
  if (event == "hexpired") {
    const Database* registered = Server::Get().registry().Find(database);
    if (registered == nullptr || !registered->Captures(key)) return true;
    keys_.emplace(database, key);
    Arm(ctx, kCaptureAfterMs);
    return true;
  }
  if (keys_.empty()) return false;
  const auto found = keys_.find({database, std::string(key)});
  if (found == keys_.end()) return false;
  // Such a key keeps its row, or has its delete captured by that event.
  if (event == "expired" || event == "evicted") keys_.erase(found);
  return event == "del";
}

void Deferred::Forget(int database) {
  keys_.erase(keys_.lower_bound({database, {}}), keys_.lower_bound({database + 1, {}}));
}

void Deferred::Swap(int first, int second) { keys_ = SwapDatabases(keys_, first, second); }

void Deferred::Arm(redis::Context* ctx, long long ms) {
  if (armed_) return;
  armed_ = true;
  redis::CreateTimer(ctx, ms, OnTimer, nullptr);
}

void Deferred::OnTimer(redis::Context* ctx, void*) {
  Guarded(ctx, "a deferred capture", [ctx] {
    Deferred& deferred = Get();
    deferred.armed_ = false;
    if (redis::AvoidReplicaTraffic() != 0) return deferred.Arm(ctx, kRetryAfterMs);
    deferred.Capture(ctx);
  });
}

void Deferred::Capture(redis::Context* ctx) {
  while (!keys_.empty()) {
    const auto next = *keys_.begin();
    redis::SelectDb(ctx, next.first);
    const StringHandle key = MakeString(next.second);
    // To look at a key can expire it, and that event decides: then there is nothing left to do for it here.
    const char* event = Peek(ctx, key.get()) ? "hexpired" : "del";
    if (keys_.erase(next) == 0) continue;
    Database* database = Server::Get().Capturing(ctx);
    if (database != nullptr) CaptureKey(ctx, database, key.get(), event);
  }
}

}  // namespace writebehind
