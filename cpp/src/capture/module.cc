// writebehind.so: what the server calls when it loads the module.
#include "capture/args.h"
#include "capture/commands.h"
#include "capture/filter.h"
#include "capture/guard.h"
#include "capture/info.h"
#include "capture/notify.h"
#include "capture/server.h"

namespace writebehind {
namespace {

constexpr char kModuleName[] = "writebehind";
constexpr int kModuleVersion = 100;  // 0.1.0

// `gears yes|no`, at most once.
bool ReadOptions(redis::Context* ctx, const Args& args) {
  if (args.size() == 0) return true;
  if (args.size() == 2 && SameWord(args.view(0), "GEARS")) {
    if (SameWord(args.view(1), "NO")) return true;
    if (SameWord(args.view(1), "YES")) {
      redis::Log(ctx, "warning", "'gears yes': the RG.* commands are not served yet");
      return true;
    }
  }
  redis::Log(ctx, "warning", "unknown argument '%.*s': expected nothing, or 'gears yes' or 'gears no'",
             static_cast<int>(args.view(0).size()), args.view(0).data());
  return false;
}

bool StartServer(redis::Context* ctx) { return Server::Get().Start(ctx); }

constexpr struct {
  const char* what;
  bool (*run)(redis::Context*);
} kSteps[] = {
    {"commands", CreateCommands},       {"the command filter", RegisterFilter},
    {"the INFO section", RegisterInfo}, {"keyspace events", SubscribeToKeyspace},
    {"server events", StartServer},
};

bool Load(redis::Context* ctx, const Args& args) {
  if (!ReadOptions(ctx, args)) return false;
  for (const auto& [what, run] : kSteps) {
    if (run(ctx)) continue;
    redis::Log(ctx, "warning", "writebehind can't be loaded: this server refuses %s", what);
    return false;
  }
  return true;
}

}  // namespace
}  // namespace writebehind

extern "C" {

__attribute__((visibility("default"))) int RedisModule_OnLoad(writebehind::redis::Context* ctx,
                                                              writebehind::redis::String** words, int count) {
  using namespace writebehind;
  if (const char* missing = redis::Resolve(ctx)) {
    // Redis 7.0 has every function the module needs.
    if (redis::Log != nullptr)
      redis::Log(ctx, "warning", "writebehind needs RedisModule_%s: Redis 7.0 or later", missing);
    return redis::kErr;
  }
  if (redis::IsModuleNameBusy(kModuleName) != 0) return redis::kErr;
  redis::SetModuleAttribs(ctx, kModuleName, kModuleVersion, redis::kApiVersion);
  bool loaded = false;
  Guarded(ctx, "loading writebehind", [&] { loaded = Load(ctx, Args(words, count)); });
  return loaded ? redis::kOk : redis::kErr;
}

__attribute__((visibility("default"))) int RedisModule_OnUnload(writebehind::redis::Context*) {
  writebehind::ReleaseInfo();
  return writebehind::redis::kOk;
}

}  // extern "C"
