#include "capture/registry.h"

#include <algorithm>

#include "capture/own_keys.h"
#include "capture/own_writes.h"

namespace writebehind {
namespace {

struct Found {
  std::string name;
  std::string json;
};

void Collect(redis::Key*, redis::String* field, redis::String* value, void* found) {
  static_cast<std::vector<Found>*>(found)->push_back({std::string(View(field)), std::string(View(value))});
}

std::vector<Found> ReadRegistry(redis::Context* ctx) {
  std::vector<Found> found;
  const StringHandle name = MakeString(kRegistryKey);
  const KeyHandle key = Peek(ctx, name.get());
  if (TypeOf(key) != redis::kHash) return found;
  const CursorHandle cursor(redis::ScanCursorCreate());
  while (redis::ScanKey(key.get(), cursor.get(), Collect, &found) != 0) {
  }
  return found;
}

}  // namespace

Pipeline::Pipeline(std::string_view name, Registration registration)
    : name_(name),
      registration_(std::move(registration)),
      stream_(MakeString(PipelineKey(name, "stream"))),
      keys_(MakeString(PipelineKey(name, "keys"))) {
  Compile();
}

void Pipeline::Compile() {
  definition_ = ParseDefinition(registration_.definitions.at(registration_.definition));
  pattern_ = Pattern(definition_.pattern);
  events_ = definition_.events ? EventFilter(*definition_.events) : EventFilter();
  events_.set_expired(definition_.expired_deletes);
  key_fields_.clear();
  for (const std::string& field : definition_.key_fields) key_fields_.push_back(MakeString(field));
  fields_.clear();
  if (!definition_.fields) return;
  for (const std::string& field : *definition_.fields) fields_.push_back(MakeString(field));
}

bool Pipeline::HasIdentity(std::uint64_t identity) const {
  const auto& all = registration_.identities;
  return std::find(all.begin(), all.end(), identity) != all.end();
}

bool Pipeline::IsYounger(std::uint64_t identity, std::uint64_t other) const {
  const auto& all = registration_.identities;
  const auto older = std::find(all.begin(), all.end(), other);
  return older != all.end() && std::find(older + 1, all.end(), identity) != all.end();
}

void Pipeline::Redefine(std::string definition, std::uint32_t oldest) {
  ParseDefinition(definition);
  auto& all = registration_.definitions;
  all.erase(all.begin(), all.lower_bound(oldest));
  all[++registration_.definition] = std::move(definition);
  registration_.active = true;
  Compile();
}

Pipeline* Database::Find(std::string_view name) const {
  for (const auto& pipeline : pipelines_) {
    if (pipeline->name() == name) return pipeline.get();
  }
  return nullptr;
}

bool Database::Captures(std::string_view key) const {
  return !IsOwnKey(key) && std::any_of(pipelines_.begin(), pipelines_.end(), [key](const auto& pipeline) {
    return pipeline->active() && pipeline->pattern().Matches(key);
  });
}

Pipeline* Database::Add(std::unique_ptr<Pipeline> pipeline) {
  const auto behind = std::find_if(pipelines_.begin(), pipelines_.end(),
                                   [&](const auto& other) { return other->name() > pipeline->name(); });
  return pipelines_.insert(behind, std::move(pipeline))->get();
}

void Database::Remove(std::string_view name) {
  const auto gone = std::remove_if(pipelines_.begin(), pipelines_.end(),
                                   [name](const auto& pipeline) { return pipeline->name() == name; });
  pipelines_.erase(gone, pipelines_.end());
  unusable_.erase(std::remove_if(unusable_.begin(), unusable_.end(),
                                 [name](const Stored& stored) { return stored.name == name; }),
                  unusable_.end());
}

const std::string* Database::Unusable(std::string_view name) const {
  for (const Stored& stored : unusable_) {
    if (stored.name == name) return &stored.error;
  }
  return nullptr;
}

void Database::Load(redis::Context* ctx) {
  const auto before = std::move(pipelines_);
  pipelines_.clear();
  unusable_.clear();
  unsaved = saved_early = false;
  for (const Found& found : ReadRegistry(ctx)) {
    try {
      Pipeline* pipeline = Add(std::make_unique<Pipeline>(found.name, Registration::FromJson(found.json)));
      for (const auto& old : before) {
        if (old->name() != found.name) continue;
        pipeline->captured = old->captured;
        pipeline->flushed = old->flushed;
        pipeline->replaced = old->replaced;
        pipeline->refused = old->refused;
      }
    } catch (const BadDefinition& error) {
      redis::Log(ctx, "warning",
                 "the registration of pipeline '%s' in database %d is not usable and captures nothing: %s",
                 found.name.c_str(), index_, error.what());
      unusable_.push_back({found.name, found.json, error.what()});
    }
  }
}

std::vector<std::string> Database::Words() const {
  std::vector<std::string> words;
  for (const auto& pipeline : pipelines_) {
    words.push_back(pipeline->name());
    words.push_back(pipeline->registration().ToJson());
  }
  for (const Stored& stored : unusable_) {
    words.push_back(stored.name);
    words.push_back(stored.json);
  }
  return words;
}

void Database::Save(redis::Context* ctx) const {
  const OwnWrites own;
  ReplyHandle(redis::Call(ctx, "DEL", "!c", kRegistryKey.data()));
  // One command: a replica reads the key anew after each.
  std::vector<StringHandle> owners;
  std::vector<redis::String*> words;
  for (const std::string& word : Words()) words.push_back(owners.emplace_back(MakeString(word)).get());
  if (words.empty()) return;
  ReplyHandle(redis::Call(ctx, "HSET", "!cv", kRegistryKey.data(), words.data(), words.size()));
}

void Database::SaveHere(redis::Context* ctx) const {
  const OwnWrites own;
  const StringHandle name = MakeString(kRegistryKey);
  const KeyHandle key = OpenForWrite(ctx, name.get());
  if (TypeOf(key) != redis::kEmpty) redis::DeleteKey(key.get());
  const std::vector<std::string> words = Words();
  for (std::size_t i = 0; i < words.size(); i += 2) {
    const StringHandle field = MakeString(words[i]);
    const StringHandle value = MakeString(words[i + 1]);
    redis::HashSet(key.get(), 0, field.get(), value.get(), nullptr);
  }
}

void Database::SaveOne(redis::Context* ctx, const Pipeline& pipeline) const {
  const OwnWrites own;
  const std::string json = pipeline.registration().ToJson();
  ReplyHandle(redis::Call(ctx, "HSET", "!cbb", kRegistryKey.data(), pipeline.name().data(),
                          pipeline.name().size(), json.data(), json.size()));
}

Database& Registry::Get(int index) {
  const auto at = static_cast<std::size_t>(index);
  if (databases_.size() <= at) databases_.resize(at + 1);
  if (!databases_[at]) databases_[at] = std::make_unique<Database>(index);
  return *databases_[at];
}

bool Registry::CapturesAnywhere(std::string_view key) const {
  return std::any_of(databases_.begin(), databases_.end(),
                     [key](const auto& database) { return database && database->Captures(key); });
}

void Registry::Swap(int first, int second) {
  Get(first);
  Get(second);
  auto& a = databases_[static_cast<std::size_t>(first)];
  auto& b = databases_[static_cast<std::size_t>(second)];
  std::swap(a, b);
  a->set_index(first);
  b->set_index(second);
}

void Registry::LoadAll(redis::Context* ctx) {
  const int selected = redis::GetSelectedDb(ctx);
  for (int index = 0; redis::SelectDb(ctx, index) == redis::kOk; ++index) {
    Database* database = Find(index);
    if (database == nullptr && ReadRegistry(ctx).empty()) continue;
    Get(index).Load(ctx);
  }
  redis::SelectDb(ctx, selected);
}

void RemoveUnless(redis::Context* ctx, const std::string& key, int type) {
  const StringHandle name = MakeString(key);
  const int found = TypeOf(Peek(ctx, name.get()));
  if (found == redis::kEmpty || found == type) return;
  const OwnWrites own;
  redis::Log(ctx, "warning", "the key '%s' is writebehind's and held something else: it is deleted",
             key.c_str());
  ReplyHandle(redis::Call(ctx, "DEL", "!s", name.get()));
}

std::uint64_t StreamLength(redis::Context* ctx, redis::String* stream) {
  const KeyHandle key = Peek(ctx, stream);
  return TypeOf(key) == redis::kStream ? redis::ValueLength(key.get()) : 0;
}

}  // namespace writebehind
