// WB.REGISTER, WB.UNREGISTER and WB.LIST.
#include <algorithm>

#include "capture/answer.h"
#include "capture/backlog.h"
#include "capture/commands.h"
#include "capture/entry_header.h"
#include "capture/own_keys.h"
#include "capture/own_writes.h"
#include "capture/server.h"
#include "capture/stream_scan.h"
#include "codec/entry_format.h"

namespace writebehind {
namespace {

void DeleteOwn(redis::Context* ctx, std::string_view pipeline, std::string_view what) {
  const OwnWrites own;
  const std::string key = PipelineKey(pipeline, what);
  ReplyHandle(redis::Call(ctx, "DEL", "!b", key.data(), key.size()));
}

// The serial of the oldest definition that something which waits still needs.
std::uint32_t OldestNeeded(redis::Context* ctx, const Pipeline& pipeline) {
  const StringHandle rejected = MakeString(PipelineKey(pipeline.name(), "rejected"));
  if (StreamLength(ctx, rejected.get()) > 0) return 0;
  const std::uint32_t next = pipeline.registration().definition + 1;
  const KeyHandle stream = Peek(ctx, pipeline.stream());
  if (TypeOf(stream) != redis::kStream) return next;
  // All entries count: WB.REQUEUE adds some of earlier definitions behind those of later ones. But nothing is
  // older than the oldest that is kept.
  const std::uint32_t least = pipeline.registration().definitions.begin()->first;
  std::uint32_t oldest = next;
  ScanStream(stream.get(), {}, [&](redis::StreamId, std::string_view packed) {
    const auto header = ReadEntryHeader(packed);
    oldest = std::min(oldest, header ? header->definition : 0);
    return oldest > least;
  });
  return oldest;
}

Pipeline* Create(redis::Context* ctx, Database* database, std::string_view name, std::string definition) {
  Registration registration;
  registration.definition = 1;
  registration.identities = {RandomIdentity()};
  registration.origin = RandomIdentity();
  registration.definitions[1] = std::move(definition);
  auto pipeline = std::make_unique<Pipeline>(name, std::move(registration));
  if (const std::uint64_t left = StreamLength(ctx, pipeline->stream()); left > 0) {
    redis::Log(ctx, "warning", "pipeline '%s': %llu entries of an unknown registration are discarded",
               pipeline->name().c_str(), static_cast<unsigned long long>(left));
  }
  DeleteOwn(ctx, name, "stream");
  return database->Add(std::move(pipeline));
}

Pipeline* Define(redis::Context* ctx, Database* database, std::string_view name, std::string definition) {
  ParseDefinition(definition);
  if (const std::string* error = database->Unusable(name)) {
    throw BadDefinition("the stored registration can't be read (" + *error +
                        "): WB.UNREGISTER it with DROP first, if it is not to be kept for another version");
  }
  Pipeline* pipeline = database->Find(name);
  if (pipeline == nullptr) return Create(ctx, database, name, std::move(definition));
  const Registration& registration = pipeline->registration();
  if (registration.definitions.at(registration.definition) == definition) {
    pipeline->set_active(true);
  } else {
    const bool was_keyed = !pipeline->key_fields().empty();
    pipeline->Redefine(std::move(definition), OldestNeeded(ctx, *pipeline));
    const bool is_keyed = !pipeline->key_fields().empty();
    if (!is_keyed) DeleteOwn(ctx, name, "keys");  // nobody keeps them up to date any more
    // What waits of a definition that had them needs these; else they go with the next that has them again.
    if (was_keyed != is_keyed && StreamLength(ctx, pipeline->stream()) == 0) DeleteOwn(ctx, name, "strays");
  }
  return pipeline;
}

// Who waits for a change that other pipelines captured too must not wait for this one any longer.
void SettleShared(redis::Context* ctx, const Database& database, const Pipeline& pipeline) {
  std::vector<std::pair<redis::StreamId, std::string>> shared;
  {
    const KeyHandle stream = Peek(ctx, pipeline.stream());
    if (TypeOf(stream) != redis::kStream) return;
    ScanStream(stream.get(), {}, [&](redis::StreamId id, std::string_view packed) {
      const auto header = ReadEntryHeader(packed);
      if (header && (header->flags & kFlagShared) != 0) shared.emplace_back(id, packed);
      return true;
    });
  }
  for (const auto& [id, packed] : shared) {
    const auto header = ReadEntryHeader(packed);
    Settle(ctx, database, pipeline, header->identity,
           {id, true, std::string(header->key), std::string(header->uuid), {}});
  }
}

void Drop(redis::Context* ctx, Database* database, const std::string& name) {
  const StringHandle stream = MakeString(PipelineKey(name, "stream"));
  const std::uint64_t waiting = StreamLength(ctx, stream.get());
  if (const Pipeline* pipeline = database->Find(name)) SettleShared(ctx, *database, *pipeline);
  for (const char* what :
       {"stream", "keys", "strays", "rejected", "rejected-ids", "checkpoint", "engine", "control", "lease", "standbys", "backfill"}) {
    DeleteOwn(ctx, name, what);
  }
  database->Remove(name);
  const OwnWrites own;
  ReplyHandle(redis::Call(ctx, "HDEL", "!cb", kRegistryKey.data(), name.data(), name.size()));
  redis::Log(ctx, "notice", "pipeline '%s' of database %d is dropped with %llu changes that were not written",
             name.c_str(), database->index(), static_cast<unsigned long long>(waiting));
}

void ReplyField(redis::Context* ctx, const char* name, std::string_view value) {
  ReplyText(ctx, name);
  ReplyText(ctx, value);
}

void ReplyField(redis::Context* ctx, const char* name, std::uint64_t value) {
  ReplyText(ctx, name);
  redis::ReplyWithLongLong(ctx, static_cast<long long>(value));
}

void ReplyPipeline(redis::Context* ctx, const Pipeline& pipeline) {
  const StringHandle rejected = MakeString(PipelineKey(pipeline.name(), "rejected"));
  redis::ReplyWithMap(ctx, 14);
  ReplyField(ctx, "name", pipeline.name());
  ReplyField(ctx, "stream", View(pipeline.stream()));
  ReplyText(ctx, "version");
  if (pipeline.definition().version.empty()) {
    redis::ReplyWithNull(ctx);
  } else {
    ReplyText(ctx, pipeline.definition().version);
  }
  ReplyField(ctx, "captured", pipeline.captured);
  ReplyField(ctx, "rejected", StreamLength(ctx, rejected.get()));
  ReplyField(ctx, "flushed", pipeline.flushed);
  ReplyField(ctx, "replaced", pipeline.replaced);
  ReplyField(ctx, "waiting", StreamLength(ctx, pipeline.stream()));
  ReplyField(ctx, "definition", std::uint64_t{pipeline.registration().definition});
  ReplyField(ctx, "identity", IdentityText(pipeline.identity()));
  ReplyField(ctx, "active", std::uint64_t{pipeline.active() ? 1U : 0U});
  ReplyField(ctx, "max_pending", pipeline.limit().max_pending);
  ReplyField(ctx, "when_full", pipeline.limit().refuses ? "reject" : "warn");
  ReplyField(ctx, "refused", pipeline.refused);
}

}  // namespace

int RegisterCommand(redis::Context* ctx, const Args& args) {
  if (args.size() != 3) return redis::WrongArity(ctx);
  if ((redis::GetContextFlags(ctx) & redis::kContextCluster) != 0) {
    return ReplyError(ctx, "ERR writebehind does not serve Redis Cluster yet");
  }
  const std::string_view name = args.view(1);
  if (const char* refusal = RefuseName(name)) return ReplyError(ctx, std::string("ERR ") + refusal);
  Database& database = Server::Get().registry().Get(redis::GetSelectedDb(ctx));
  try {
    Wanted wanted = ReadWanted(args.view(2));
    Pipeline* pipeline = Define(ctx, &database, name, std::move(wanted.definition));
    pipeline->set_limit(wanted.limit);
    Backlog::OnGrown(ctx, pipeline, StreamLength(ctx, pipeline->stream()));
    database.SaveOne(ctx, *pipeline);
    return redis::ReplyWithLongLong(ctx, pipeline->registration().definition);
  } catch (const BadDefinition& error) {
    return ReplyError(ctx, std::string("ERR the definition is refused: ") + error.what());
  }
}

int UnregisterCommand(redis::Context* ctx, const Args& args) {
  if (args.size() != 2 && args.size() != 3) return redis::WrongArity(ctx);
  if (args.size() == 3 && !SameWord(args.view(2), "DROP"))
    return ReplyError(ctx, "ERR only DROP may follow the name");
  Database& database = Server::Get().registry().Get(redis::GetSelectedDb(ctx));
  if (args.size() == 3 && database.Unusable(args.view(1)) != nullptr) {
    Drop(ctx, &database, std::string(args.view(1)));
    return redis::ReplyWithSimpleString(ctx, "OK");
  }
  Pipeline* pipeline = RequirePipeline(ctx, args.view(1));
  if (pipeline == nullptr) return redis::kOk;
  if (args.size() == 3) {
    Drop(ctx, &database, pipeline->name());
  } else {
    pipeline->set_active(false);
    database.SaveOne(ctx, *pipeline);
  }
  return redis::ReplyWithSimpleString(ctx, "OK");
}

int ListCommand(redis::Context* ctx, const Args& args) {
  if (args.size() != 1) return redis::WrongArity(ctx);
  const Database* database = Server::Get().registry().Find(redis::GetSelectedDb(ctx));
  if (database == nullptr) return redis::ReplyWithArray(ctx, 0);
  redis::ReplyWithArray(ctx, static_cast<long>(database->pipelines().size()));
  for (const auto& pipeline : database->pipelines()) ReplyPipeline(ctx, *pipeline);
  return redis::kOk;
}

}  // namespace writebehind
