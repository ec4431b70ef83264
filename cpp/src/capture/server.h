// What this server is right now, and the registrations in it: the module's one piece of global state.
//
// Everything here happens on the server's main thread.
#pragma once

#include "capture/registry.h"

namespace writebehind {

class Server {
 public:
  static Server& Get();

  // Reads role and registrations and follows their changes from now on. False if an event can't be had.
  bool Start(redis::Context* ctx);

  [[nodiscard]] Registry& registry() { return registry_; }
  // This is a master that serves: changes are captured. Kept by events, because asking costs on every write.
  [[nodiscard]] bool capturing() const { return master_ && !loading_; }
  [[nodiscard]] bool loading() const { return loading_; }
  [[nodiscard]] bool master() const { return master_; }

  // The database of this context, if anything is registered in it and changes are captured.
  [[nodiscard]] Database* Capturing(redis::Context* ctx);

  // The registry key is to be written, but not now: what is written inside an event reaches replicas and AOF
  // before the command that caused the event, which would then undo it there.
  void SaveLater(redis::Context* ctx, Database* database);

  // Something other than a capture happened to a pipeline's stream, or to the registry key.
  void OnOwnKey(redis::Context* ctx, std::string_view key, std::string_view event);

 private:
  static void OnRole(redis::Context* ctx, redis::Event, std::uint64_t what, void*);
  static void OnLoading(redis::Context* ctx, redis::Event, std::uint64_t what, void*);
  static void OnAsyncLoad(redis::Context* ctx, redis::Event, std::uint64_t what, void*);
  static void OnFlush(redis::Context* ctx, redis::Event, std::uint64_t what, void* info);
  static void OnSwap(redis::Context* ctx, redis::Event, std::uint64_t what, void* info);
  static void OnPersistence(redis::Context* ctx, redis::Event, std::uint64_t what, void*);
  static void OnJob(redis::Context* ctx, void*);
  static void OnTimer(redis::Context* ctx, void*);

  void OnRegistryKey(redis::Context* ctx, std::string_view event);
  void OnStreamKey(redis::Context* ctx, Database* database, Pipeline* pipeline, std::string_view event);
  void Flush(redis::Context* ctx, Database* database);
  void Reload(redis::Context* ctx);
  void Promote(redis::Context* ctx);
  void ArmTimer(redis::Context* ctx, long long ms);
  void SaveNow(redis::Context* ctx);

  Registry registry_;
  bool master_ = true;
  bool loading_ = false;
  bool timer_armed_ = false;
};

}  // namespace writebehind
