#include "capture/server.h"

#include "capture/answer.h"
#include "capture/deferred.h"
#include "capture/guard.h"
#include "capture/own_keys.h"
#include "capture/own_writes.h"

namespace writebehind {
namespace {

constexpr long long kSaveAfterMs = 1;
constexpr long long kRetryAfterMs = 20;

// What the stream's readers and our own commands do to it leaves it the same stream.
bool KeepsStream(std::string_view event) {
  const bool of_streams = event.substr(0, 1) == "x" && event != "xsetid";
  return of_streams || event == "expire" || event == "persist" || event == "new";
}

void CopyEntry(redis::Context* ctx, redis::Key* key, redis::String* stream, redis::StreamId id) {
  redis::String* field = nullptr;
  redis::String* value = nullptr;
  while (redis::StreamIteratorNextField(key, &field, &value) == redis::kOk) {
    const StringHandle field_owner(field);
    const StringHandle value_owner(value);
    redis::Replicate(ctx, "XADD", "scss", stream, StreamIdText(id).text, field, value);
  }
}

// Sends a stream that was deleted to replicas and AOF as it is now.
void Resend(redis::Context* ctx, Pipeline* pipeline) {
  pipeline->resend = false;
  const KeyHandle key = OpenForWrite(ctx, pipeline->stream());
  if (TypeOf(key) != redis::kStream) return;
  redis::Replicate(ctx, "DEL", "s", pipeline->stream());
  if (redis::ValueLength(key.get()) == 0) {
    // Settled already. No entry says where its IDs stand: what comes begins anew, here too.
    redis::DeleteKey(key.get());
    pipeline->StartIdentity();
    return;
  }
  if (redis::StreamIteratorStart(key.get(), 0, nullptr, nullptr) != redis::kOk) return;
  redis::StreamId id;
  while (redis::StreamIteratorNextID(key.get(), &id, nullptr) == redis::kOk) {
    CopyEntry(ctx, key.get(), pipeline->stream(), id);
  }
  redis::StreamIteratorStop(key.get());
}

}  // namespace

Server& Server::Get() {
  static Server server;
  return server;
}

bool Server::Start(redis::Context* ctx) {
  const int flags = redis::GetContextFlags(ctx);
  master_ = (flags & redis::kContextMaster) != 0;
  loading_ = (flags & redis::kContextLoading) != 0;
  const struct {
    redis::EventId id;
    redis::EventProc proc;
  } events[] = {
      {redis::kEventRole, OnRole},           {redis::kEventLoading, OnLoading},
      {redis::kEventAsyncLoad, OnAsyncLoad}, {redis::kEventFlush, OnFlush},
      {redis::kEventSwap, OnSwap},           {redis::kEventPersistence, OnPersistence},
  };
  for (const auto& [id, proc] : events) {
    if (redis::SubscribeToServerEvent(ctx, {id, 1}, proc) != redis::kOk) return false;
  }
  if (!loading_) Reload(ctx);
  return true;
}

Database* Server::Capturing(redis::Context* ctx) {
  return capturing() ? registry_.Find(redis::GetSelectedDb(ctx)) : nullptr;
}

void Server::SaveLater(redis::Context* ctx, Database* database) {
  database->unsaved = true;
  database->saved_early = false;
  if (!capturing()) return;
  // At the end of the command that made this necessary, where the server knows of such jobs. The timer finds
  // what no job has done.
  if (redis::AddPostNotificationJob != nullptr) redis::AddPostNotificationJob(ctx, OnJob, nullptr, nullptr);
  ArmTimer(ctx, kSaveAfterMs);
}

void Server::ArmTimer(redis::Context* ctx, long long ms) {
  if (timer_armed_) return;
  timer_armed_ = true;
  redis::CreateTimer(ctx, ms, OnTimer, nullptr);
}

void Server::OnJob(redis::Context* ctx, void*) {
  Guarded(ctx, "writing the registrations", [ctx] {
    if (Get().capturing() && redis::AvoidReplicaTraffic() == 0) Get().SaveNow(ctx);
  });
}

void Server::OnTimer(redis::Context* ctx, void*) {
  Guarded(ctx, "writing the registrations", [ctx] {
    Server& server = Get();
    server.timer_armed_ = false;
    if (!server.capturing()) return;  // a promotion, or the end of loading, sees to it
    // While clients are paused for a failover the data must not change, and the server insists on that.
    if (redis::AvoidReplicaTraffic() != 0) return server.ArmTimer(ctx, kRetryAfterMs);
    server.SaveNow(ctx);
  });
}

void Server::SaveNow(redis::Context* ctx) {
  registry_.Each(ctx, [ctx](Database* database) {
    if (!database->unsaved) return;
    // The registrations last: a replica reads the new identities from them.
    for (const auto& pipeline : database->pipelines()) {
      if (pipeline->resend) Resend(ctx, pipeline.get());
    }
    database->Save(ctx);
    database->unsaved = database->saved_early = false;
  });
}

void Server::OnRole(redis::Context* ctx, redis::Event, std::uint64_t what, void*) {
  Guarded(ctx, "the change of role", [&] {
    Get().master_ = what == redis::kRoleNowMaster;
    if (Get().master_) {
      Get().Promote(ctx);
    } else {
      AnswerKeys::Get().Clear();
    }
  });
}

// The replica that is a master now may lack entries which its master had: IDs could come again.
void Server::Promote(redis::Context* ctx) {
  for (const auto& database : registry_.databases()) {
    if (!database || (database->pipelines().empty() && !database->unsaved)) continue;
    for (const auto& pipeline : database->pipelines()) pipeline->AddIdentity();
    SaveLater(ctx, database.get());
  }
}

void Server::OnLoading(redis::Context* ctx, redis::Event, std::uint64_t what, void*) {
  Guarded(ctx, "the end of loading", [&] {
    Get().loading_ = what != redis::kLoadingEnded && what != redis::kLoadingFailed;
    if (what == redis::kLoadingEnded) Get().Reload(ctx);
  });
}

void Server::OnAsyncLoad(redis::Context* ctx, redis::Event, std::uint64_t what, void*) {
  if (what != redis::kAsyncLoadCompleted) return;
  Guarded(ctx, "the end of synchronisation", [&] { Get().Reload(ctx); });
}

void Server::Reload(redis::Context* ctx) {
  registry_.LoadAll(ctx);
  if (!master_) return;
  registry_.Each(ctx, [&](Database* database) {
    for (const auto& pipeline : database->pipelines()) {
      const KeyHandle stream = Peek(ctx, pipeline->stream());
      pipeline->stream_seen = TypeOf(stream) == redis::kStream;
      if (pipeline->stream_seen) continue;
      // It may have been deleted while nobody watched.
      pipeline->StartIdentity();
      SaveLater(ctx, database);
    }
  });
}

void Server::OnFlush(redis::Context* ctx, redis::Event, std::uint64_t what, void* info) {
  // At its start: what waits can still be counted.
  if (what != redis::kFlushStart || Get().loading_) return;
  Guarded(ctx, "the flush", [&] {
    const int only = static_cast<const redis::FlushInfo*>(info)->db;
    Get().registry_.Each(ctx, [&](Database* database) {
      if (only == -1 || only == database->index()) Get().Flush(ctx, database);
    });
  });
}

void Server::Flush(redis::Context* ctx, Database* database) {
  Deferred::Get().Forget(database->index());
  AnswerKeys::Get().Forget(database->index());
  if (database->pipelines().empty()) return;
  for (const auto& pipeline : database->pipelines()) {
    const std::uint64_t waiting = StreamLength(ctx, pipeline->stream());
    pipeline->StartIdentity();
    pipeline->resend = false;
    if (!master_) continue;
    pipeline->flushed += waiting;
    redis::Log(ctx, "notice",
               "a flush of database %d discards %llu changes that pipeline '%s' had not written yet",
               database->index(), static_cast<unsigned long long>(waiting), pipeline->name().c_str());
  }
  // A replica keeps its memory too: its master writes the key again, or it becomes the master itself.
  SaveLater(ctx, database);
}

void Server::OnSwap(redis::Context* ctx, redis::Event, std::uint64_t, void* info) {
  Guarded(ctx, "the swap of databases", [&] {
    const auto* swap = static_cast<const redis::SwapInfo*>(info);
    Get().registry_.Swap(swap->first, swap->second);
    Deferred::Get().Swap(swap->first, swap->second);
    AnswerKeys::Get().Swap(swap->first, swap->second);
  });
}

// A snapshot that is taken before the key is written again, by a save inside FLUSHALL or by a child that was
// forked just then, must hold the registrations all the same. In a child this changes the child's copy alone.
void Server::OnPersistence(redis::Context* ctx, redis::Event, std::uint64_t what, void*) {
  if (what == redis::kPersistenceEnded || what == redis::kPersistenceFailed || !Get().capturing()) return;
  Guarded(ctx, "the start of a snapshot", [ctx] {
    Get().registry_.Each(ctx, [ctx](Database* database) {
      if (database->unsaved) database->SaveHere(ctx);
    });
  });
}

void Server::OnOwnKey(redis::Context* ctx, std::string_view key, std::string_view event) {
  if (OwnWrites::InProgress() || loading_) return;
  if (key == kRegistryKey) return OnRegistryKey(ctx, event);
  const std::string_view name = PipelineOfKey(key, "stream");
  if (name.empty() || KeepsStream(event)) return;
  Database* database = registry_.Find(redis::GetSelectedDb(ctx));
  Pipeline* pipeline = database == nullptr ? nullptr : database->Find(name);
  if (pipeline != nullptr) OnStreamKey(ctx, database, pipeline, event);
}

void Server::OnRegistryKey(redis::Context* ctx, std::string_view event) {
  Database& database = registry_.Get(redis::GetSelectedDb(ctx));
  if (master_) {
    if (event != "new") SaveLater(ctx, &database);
  } else if (!TakesAway(event)) {
    database.Load(ctx);
  }
  // Else the master will write it again. When its last registration is dropped, `hdel` comes first.
}

void Server::OnStreamKey(redis::Context* ctx, Database* database, Pipeline* pipeline,
                         std::string_view event) {
  if (event == "xsetid") {
    if (master_) pipeline->AddIdentity();
  } else {
    pipeline->StartIdentity();
    pipeline->resend = master_ && TakesAway(event) && event != "evicted";
    if (master_) {
      ++pipeline->replaced;
      redis::Log(ctx, "notice",
                 "the stream of pipeline '%s' was replaced or deleted (%.*s): what waited in it is gone",
                 pipeline->name().c_str(), static_cast<int>(event.size()), event.data());
    }
  }
  SaveLater(ctx, database);
}

}  // namespace writebehind
