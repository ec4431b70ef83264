#include "capture/info.h"

#include "capture/guard.h"
#include "capture/server.h"

namespace writebehind {
namespace {

// INFO comes without a context to open keys with.
redis::Context* detached = nullptr;

struct Totals {
  std::uint64_t pipelines = 0;
  std::uint64_t captured = 0;
  std::uint64_t flushed = 0;
  std::uint64_t waiting = 0;
  std::uint64_t refused = 0;
};

void AddPipeline(redis::InfoContext* info, const Database& database, const Pipeline& pipeline,
                 std::uint64_t waiting) {
  redis::InfoBeginDictField(info, ("pipeline_" + pipeline.name()).c_str());
  redis::InfoAddFieldULongLong(info, "db", static_cast<unsigned long long>(database.index()));
  redis::InfoAddFieldULongLong(info, "active", pipeline.active() ? 1 : 0);
  redis::InfoAddFieldULongLong(info, "captured", pipeline.captured);
  redis::InfoAddFieldULongLong(info, "flushed", pipeline.flushed);
  redis::InfoAddFieldULongLong(info, "waiting", waiting);
  redis::InfoAddFieldULongLong(info, "max_pending", pipeline.limit().max_pending);
  redis::InfoAddFieldULongLong(info, "refused", pipeline.refused);
  redis::InfoEndDictField(info);
}

void AddSection(redis::InfoContext* info, bool may_open_keys) {
  Totals totals;
  if (redis::InfoAddSection(info, "") != redis::kOk) return;
  for (const auto& database : Server::Get().registry().databases()) {
    if (!database) continue;
    redis::SelectDb(detached, database->index());
    for (const auto& pipeline : database->pipelines()) {
      const std::uint64_t waiting = may_open_keys ? StreamLength(detached, pipeline->stream()) : 0;
      ++totals.pipelines;
      totals.captured += pipeline->captured;
      totals.flushed += pipeline->flushed;
      totals.waiting += waiting;
      totals.refused += pipeline->refused;
      AddPipeline(info, *database, *pipeline, waiting);
    }
  }
  redis::InfoAddFieldULongLong(info, "pipelines", totals.pipelines);
  redis::InfoAddFieldULongLong(info, "captured_total", totals.captured);
  redis::InfoAddFieldULongLong(info, "flushed_total", totals.flushed);
  redis::InfoAddFieldULongLong(info, "waiting", totals.waiting);
  redis::InfoAddFieldULongLong(info, "refused_total", totals.refused);
  redis::InfoAddFieldULongLong(info, "capturing", Server::Get().capturing() ? 1 : 0);
}

void OnInfo(redis::InfoContext* info, int for_crash_report) {
  Guarded(nullptr, "INFO", [&] { AddSection(info, for_crash_report == 0); });
}

}  // namespace

bool RegisterInfo(redis::Context* ctx) {
  detached = redis::GetDetachedThreadSafeContext(ctx);
  return redis::RegisterInfoFunc(ctx, OnInfo) == redis::kOk;
}

void ReleaseInfo() {
  if (detached != nullptr) redis::FreeThreadSafeContext(detached);
  detached = nullptr;
}

}  // namespace writebehind
