#include "capture/answer.h"

#include "capture/own_keys.h"
#include "capture/own_writes.h"
#include "capture/server.h"
#include "capture/stream_dump.h"

namespace writebehind {
namespace {

constexpr long long kAnswerLivesMs = 3600 * 1000;

// In the hash of those still to settle: the first refusal. No pipeline's name has a brace.
constexpr char kErrorField[] = "{error}";

struct Part {
  std::string pipeline;
  std::string entry;  // "<identity>:<ID>"
};

std::string EntryName(std::uint64_t identity, redis::StreamId id) {
  return IdentityText(identity).append(":").append(StreamIdText(id).view());
}

void CollectPart(redis::Key*, redis::String* field, redis::String* value, void* parts) {
  static_cast<std::vector<Part>*>(parts)->push_back({std::string(View(field)), std::string(View(value))});
}

std::vector<Part> ReadParts(redis::Context* ctx, redis::String* pending) {
  std::vector<Part> parts;
  const KeyHandle key = Peek(ctx, pending);
  if (TypeOf(key) != redis::kHash) return parts;
  const CursorHandle cursor(redis::ScanCursorCreate());
  while (redis::ScanKey(key.get(), cursor.get(), CollectPart, &parts) != 0) {
  }
  return parts;
}

void SetField(redis::Context* ctx, redis::String* hash, std::string_view field, std::string_view value) {
  const OwnWrites own;
  ReplyHandle(redis::Call(ctx, "HSET", "!sbb", hash, field.data(), field.size(), value.data(), value.size()));
}

// The entry still waits: no flush took it and nobody dropped its pipeline.
bool Waits(redis::Context* ctx, const Database& database, const Part& part) {
  const Pipeline* pipeline = database.Find(part.pipeline);
  const auto identity = ParseIdentity(std::string_view(part.entry).substr(0, 16));
  auto id = part.entry.size() > 17 ? ParseStreamId(std::string_view(part.entry).substr(17)) : std::nullopt;
  if (pipeline == nullptr || !identity || !id || !pipeline->HasIdentity(*identity)) return false;
  const KeyHandle stream = Peek(ctx, pipeline->stream());
  if (TypeOf(stream) != redis::kStream) return false;
  if (redis::StreamIteratorStart(stream.get(), 0, &*id, &*id) != redis::kOk) return false;
  const bool there = redis::StreamIteratorNextID(stream.get(), &*id, nullptr) == redis::kOk;
  redis::StreamIteratorStop(stream.get());
  return there;
}

// For a server whose RESTORE somebody has renamed or taken away.
void AddAnswer(redis::Context* ctx, const std::string& name, const std::vector<std::string_view>& words,
               long long until) {
  const StringHandle answer = MakeString(name);
  std::vector<StringHandle> owners;
  std::vector<redis::String*> entry;
  for (const std::string_view word : words) entry.push_back(owners.emplace_back(MakeString(word)).get());
  redis::StreamId id;
  const KeyHandle stream = OpenForWrite(ctx, answer.get());
  redis::StreamAdd(stream.get(), redis::kStreamAutoId, &id, entry.data(),
                   static_cast<long>(entry.size() / 2));
  redis::SetAbsExpire(stream.get(), until);
  redis::Replicate(ctx, "XADD", "scv", answer.get(), StreamIdText(id).text, entry.data(), entry.size());
  redis::Replicate(ctx, "PEXPIREAT", "sl", answer.get(), until);
}

}  // namespace

bool WriteAnswer(redis::Context* ctx, std::string_view key, std::string_view uuid, std::string_view error) {
  const std::string name = AnswerKey(key, uuid);
  if (!ClearAnswer(ctx, key, uuid)) {
    redis::Log(ctx, "warning", "no answer to a writer: the key '%s' is no stream", name.c_str());
    return false;
  }
  const long long now = redis::Milliseconds();
  std::vector<std::string_view> words{"status", error.empty() ? "done" : "failed"};
  if (!error.empty()) words.insert(words.end(), {"error", error});
  const std::string dump = DumpStream({static_cast<std::uint64_t>(now), 0}, words);
  const OwnWrites own;
  const ReplyHandle restored(redis::Call(ctx, "RESTORE", "!Eblbc", name.data(), name.size(),
                                         now + kAnswerLivesMs, dump.data(), dump.size(), "ABSTTL"));
  if (!restored || redis::CallReplyType(restored.get()) == redis::kReplyError) {
    AddAnswer(ctx, name, words, now + kAnswerLivesMs);
  }
  const Database* database = Server::Get().Capturing(ctx);
  if (database != nullptr && database->Captures(name)) AnswerKeys::Get().Add(database->index(), name);
  return true;
}

AnswerKeys& AnswerKeys::Get() {
  static AnswerKeys keys;
  return keys;
}

void AnswerKeys::Forget(int database) {
  keys_.erase(keys_.lower_bound({database, {}}), keys_.lower_bound({database + 1, {}}));
}

void AnswerKeys::Swap(int first, int second) { keys_ = SwapDatabases(keys_, first, second); }

bool AnswerKeys::Owns(int database, std::string_view key, std::string_view event) {
  if (keys_.empty() || key.empty() || key.front() != '{') return false;
  const auto found = keys_.find({database, std::string(key)});
  if (found == keys_.end()) return false;
  // Whoever makes a key of that name after it was flushed makes one of his own.
  if (event == "new") {
    keys_.erase(found);
    return false;
  }
  if (TakesAway(event)) keys_.erase(found);
  return true;
}

bool ClearAnswer(redis::Context* ctx, std::string_view key, std::string_view uuid) {
  const StringHandle name = MakeString(AnswerKey(key, uuid));
  const int type = TypeOf(Peek(ctx, name.get()));
  if (type == redis::kEmpty) return true;
  if (type != redis::kStream) return false;
  redis::DeleteKey(OpenForWrite(ctx, name.get()).get());
  redis::Replicate(ctx, "DEL", "s", name.get());
  return true;
}

void AwaitSettlement(redis::Context* ctx, const Pipeline& pipeline, redis::StreamId id, std::string_view key,
                     std::string_view uuid) {
  const StringHandle pending = MakeString(PendingKey(key, uuid));
  SetField(ctx, pending.get(), pipeline.name(), EntryName(pipeline.identity(), id));
}

void FailSettlement(redis::Context* ctx, std::string_view key, std::string_view uuid,
                    std::string_view error) {
  const StringHandle pending = MakeString(PendingKey(key, uuid));
  SetField(ctx, pending.get(), kErrorField, error);
}

bool Settle(redis::Context* ctx, const Database& database, const Pipeline& pipeline, std::uint64_t identity,
            const Settled& settled) {
  if (!settled.shared) return WriteAnswer(ctx, settled.key, settled.uuid, settled.error);
  const StringHandle pending = MakeString(PendingKey(settled.key, settled.uuid));
  const std::string entry = EntryName(identity, settled.id);
  std::string error(settled.error);
  bool ours = false;
  bool others = false;
  for (const Part& part : ReadParts(ctx, pending.get())) {
    if (part.pipeline == kErrorField) {
      error = part.entry;
    } else if (part.pipeline == pipeline.name()) {
      ours = part.entry == entry;
    } else {
      others = others || Waits(ctx, database, part);
    }
  }
  if (!ours) return false;  // a later change with the same uuid has taken its place
  const OwnWrites own;
  if (!others) {
    ReplyHandle(redis::Call(ctx, "DEL", "!s", pending.get()));
    return WriteAnswer(ctx, settled.key, settled.uuid, error);
  }
  ReplyHandle(redis::Call(ctx, "HDEL", "!sb", pending.get(), pipeline.name().data(), pipeline.name().size()));
  if (!error.empty()) SetField(ctx, pending.get(), kErrorField, error);
  return false;
}

}  // namespace writebehind
