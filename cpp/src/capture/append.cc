#include "capture/append.h"

#include "capture/backlog.h"
#include "capture/entry_header.h"
#include "capture/hash_command.h"
#include "capture/hash_fields.h"
#include "capture/kept_keys.h"
#include "capture/own_hash.h"
#include "capture/server.h"
#include "codec/encoder.h"
#include "codec/entry_format.h"

namespace writebehind {
namespace {

EntryEncoder& Encoder() {
  static EntryEncoder encoder;
  return encoder;
}

redis::String* EntryFieldName() {
  static const StringHandle name = MakeString(kEntryField);
  return name.get();
}

void AddValue(redis::String* /*field*/, redis::String* value) {
  if (value == nullptr) return Encoder().AddAbsent();
  Encoder().AddValue(View(value));
}

// A `#` that is stored came another way than by HSET: it is a field of the hash, but of no row.
void AddNamed(redis::Key*, redis::String* field, redis::String* value, void*) {
  if (View(field) != kOperationField) Encoder().AddNamed(View(field), View(value));
}

void AddAll(redis::Key* hash) {
  const CursorHandle cursor(redis::ScanCursorCreate());
  while (redis::ScanKey(hash, cursor.get(), AddNamed, nullptr) != 0) {
  }
}

std::string_view Pack(const Pipeline& pipeline, const Change& change, const KeptKeys* kept) {
  const std::string_view was = kept != nullptr ? kept->was() : std::string_view();
  const std::string_view from = kept != nullptr ? kept->from() : std::string_view();
  std::uint8_t flags = 0;
  if (!change.uuid.empty()) flags |= kFlagUuid;
  if (change.shared) flags |= kFlagShared;
  if (change.hash != nullptr && pipeline.by_name()) flags |= kFlagNamed;
  if (!was.empty()) flags |= kFlagWas;
  if (!from.empty()) flags |= kFlagFrom;
  if (kept != nullptr && kept->forgotten()) flags |= kFlagForgotten;
  Encoder().Start({change.op, flags, pipeline.identity(), pipeline.registration().definition, change.key,
                   change.uuid, was, from});
  if (change.hash != nullptr) {
    if (pipeline.by_name()) {
      AddAll(change.hash);
    } else {
      ForEachValue(change.hash, pipeline.fields(), AddValue);
    }
  }
  return Encoder().Finish();
}

// The stream, whatever somebody may have put in its place.
KeyHandle OpenStream(redis::Context* ctx, Database* database, Pipeline* pipeline) {
  bool absent = false;
  KeyHandle key = OpenOwn(ctx, pipeline->stream(), redis::kStream, &absent);
  if (absent && pipeline->stream_seen) {
    // Somebody gave it a time to live, and to open it has ended it: so does 7.0.
    pipeline->StartIdentity();
    Server::Get().SaveLater(ctx, database);
  }
  pipeline->stream_seen = true;
  return key;
}

bool Add(redis::Key* stream, redis::String* packed, redis::StreamId* id) {
  redis::String* entry[] = {EntryFieldName(), packed};
  return redis::StreamAdd(stream, redis::kStreamAutoId, id, entry, 1) == redis::kOk;
}

// `pack()` is asked once the identity is certain.
template <typename Pack>
std::optional<redis::StreamId> Put(redis::Context* ctx, Database* database, Pipeline* pipeline,
                                   const Pack& pack) {
  redis::StreamId id;
  StringHandle packed;
  {
    const KeyHandle stream = OpenStream(ctx, database, pipeline);  // may change the identity
    packed = MakeString(pack());
    if (!Add(stream.get(), packed.get(), &id)) {
      redis::Log(ctx, "warning",
                 "pipeline '%s' lost a change: somebody has added the last possible ID to its stream. Once "
                 "what waits there is written, delete '%s'",
                 pipeline->name().c_str(), View(pipeline->stream()).data());
      return std::nullopt;
    }
    if (pipeline->limit().max_pending != 0) Backlog::OnGrown(ctx, pipeline, redis::ValueLength(stream.get()));
  }
  redis::Replicate(ctx, "XADD", "scss", pipeline->stream(), StreamIdText(id).text, EntryFieldName(),
                   packed.get());
  ++pipeline->captured;
  return id;
}

}  // namespace

std::optional<redis::StreamId> Append(redis::Context* ctx, Database* database, Pipeline* pipeline,
                                      const Change& change) {
  std::optional<KeptKeys> kept;
  if (!pipeline->key_fields().empty()) kept.emplace(ctx, *pipeline, change);
  const auto id = Put(ctx, database, pipeline,
                      [&] { return Pack(*pipeline, change, kept ? &*kept : nullptr); });
  if (id && kept) kept->Save(ctx);
  return id;
}

std::optional<redis::StreamId> AppendAgain(redis::Context* ctx, Database* database, Pipeline* pipeline,
                                           std::string_view packed) {
  std::string again;
  return Put(ctx, database, pipeline,
             [&]() -> std::string_view { return again = WithoutUuid(packed, pipeline->identity()); });
}

}  // namespace writebehind
