#include "capture/append.h"

#include <algorithm>

#include "capture/entry_header.h"
#include "capture/hash_command.h"
#include "capture/kept_keys.h"
#include "capture/own_keys.h"
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

void AddValue(redis::String* value) {
  if (value == nullptr) return Encoder().AddAbsent();
  const StringHandle owner(value);
  Encoder().AddValue(View(value));
}

// One call for up to four fields; the list of arguments ends at the first null name.
void AddFields(redis::Key* hash, const std::vector<StringHandle>& fields) {
  constexpr std::size_t kAtOnce = 4;
  for (std::size_t i = 0; i < fields.size(); i += kAtOnce) {
    redis::String* names[kAtOnce] = {};
    redis::String* values[kAtOnce] = {};
    const std::size_t count = std::min(kAtOnce, fields.size() - i);
    for (std::size_t j = 0; j < count; ++j) names[j] = fields[i + j].get();
    redis::HashGet(hash, 0, names[0], &values[0], names[1], &values[1], names[2], &values[2], names[3],
                   &values[3], nullptr);
    for (std::size_t j = 0; j < count; ++j) AddValue(values[j]);
  }
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

std::string_view Pack(const Pipeline& pipeline, const Change& change, std::string_view was) {
  std::uint8_t flags = 0;
  if (!change.uuid.empty()) flags |= kFlagUuid;
  if (change.shared) flags |= kFlagShared;
  if (change.hash != nullptr && pipeline.by_name()) flags |= kFlagNamed;
  if (!was.empty()) flags |= kFlagWas;
  Encoder().Start({change.op, flags, pipeline.identity(), pipeline.registration().definition, change.key,
                   change.uuid, was});
  if (change.hash != nullptr) {
    if (pipeline.by_name()) {
      AddAll(change.hash);
    } else {
      AddFields(change.hash, pipeline.fields());
    }
  }
  return Encoder().Finish();
}

// The stream, whatever somebody may have put in its place.
KeyHandle OpenStream(redis::Context* ctx, Database* database, Pipeline* pipeline) {
  KeyHandle key = OpenForWrite(ctx, pipeline->stream());
  const int type = TypeOf(key);
  if (type != redis::kEmpty && type != redis::kStream) {
    redis::DeleteKey(key.get());
    redis::Replicate(ctx, "DEL", "s", pipeline->stream());
  }
  if (type == redis::kEmpty && pipeline->stream_seen) {
    // Somebody gave it a time to live, and to open it has ended it: so does 7.0.
    pipeline->StartIdentity();
    Server::Get().SaveLater(ctx, database);
  }
  if (redis::GetExpire(key.get()) != redis::kNoExpire) {
    redis::SetExpire(key.get(), redis::kNoExpire);
    redis::Replicate(ctx, "PERSIST", "s", pipeline->stream());
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
                      [&] { return Pack(*pipeline, change, kept ? kept->was() : std::string_view()); });
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
