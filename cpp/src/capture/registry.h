// The registrations in memory, per database, and their copy in the key `writebehind:registry`.
//
// While this server is a master, memory is what counts: whoever deletes, evicts or overwrites the key gets it
// back. On a replica, and after loading, the key is what counts.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "capture/event_filter.h"
#include "capture/handles.h"
#include "capture/pattern.h"
#include "capture/registration.h"

namespace writebehind {

// A registration, made ready for the capture of a change.
class Pipeline {
 public:
  Pipeline(std::string_view name, Registration registration);  // throws BadDefinition

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const Registration& registration() const { return registration_; }
  [[nodiscard]] const Definition& definition() const { return definition_; }
  [[nodiscard]] bool active() const { return registration_.active; }
  [[nodiscard]] const Limit& limit() const { return registration_.limit; }
  [[nodiscard]] std::uint64_t identity() const { return registration_.identities.back(); }
  [[nodiscard]] bool HasIdentity(std::uint64_t identity) const;
  // The stream had `identity` after `other`. False if it never had one of them.
  [[nodiscard]] bool IsYounger(std::uint64_t identity, std::uint64_t other) const;

  [[nodiscard]] const Pattern& pattern() const { return pattern_; }
  [[nodiscard]] const EventFilter& events() const { return events_; }
  [[nodiscard]] redis::String* stream() const { return stream_.get(); }
  [[nodiscard]] bool by_name() const { return !definition_.fields.has_value(); }
  [[nodiscard]] const std::vector<StringHandle>& fields() const { return fields_; }
  // Where the key columns' values are kept (capture/kept_keys.h), and the fields that they come from.
  [[nodiscard]] redis::String* keys() const { return keys_.get(); }
  [[nodiscard]] const std::vector<StringHandle>& key_fields() const { return key_fields_; }

  void set_active(bool active) { registration_.active = active; }
  void set_limit(const Limit& limit) {
    registration_.limit = limit;
    full = told_full = false;
  }
  // The stream is a new one: what is remembered of the one before says nothing of it.
  void StartIdentity() {
    registration_.identities = {RandomIdentity()};
    stream_seen = full = told_full = false;
  }
  // The stream goes on, but not all of its entries may be here.
  void AddIdentity() { registration_.identities.push_back(RandomIdentity()); }
  // Definitions below `oldest` are forgotten. Throws BadDefinition and changes nothing.
  void Redefine(std::string definition, std::uint32_t oldest);

  // Counted since this server started.
  std::uint64_t captured = 0;
  std::uint64_t flushed = 0;
  std::uint64_t replaced = 0;  // how often the stream was evicted, deleted or overwritten
  std::uint64_t refused = 0;  // commands, for its limit

  // Replicas and AOF may see the stream's deletion after the captures that followed it: it is sent to them
  // anew.
  bool resend = false;

  // The stream of this identity was there. The server tells a module nothing of what ends inside one of the
  // module's own callbacks.
  bool stream_seen = false;

  // Its limit was reached when somebody last looked, and commands are refused for it (capture/backlog.h).
  bool full = false;
  bool told_full = false;  // and the log says so

 private:
  void Compile();

  std::string name_;
  Registration registration_;
  Definition definition_;
  Pattern pattern_;
  EventFilter events_;
  StringHandle stream_;
  StringHandle keys_;
  std::vector<StringHandle> fields_;
  std::vector<StringHandle> key_fields_;
};

class Database {
 public:
  explicit Database(int index) : index_(index) {}

  [[nodiscard]] int index() const { return index_; }
  void set_index(int index) { index_ = index; }
  // By name.
  [[nodiscard]] const std::vector<std::unique_ptr<Pipeline>>& pipelines() const { return pipelines_; }
  [[nodiscard]] Pipeline* Find(std::string_view name) const;
  // An active pipeline's pattern matches the key.
  [[nodiscard]] bool Captures(std::string_view key) const;

  Pipeline* Add(std::unique_ptr<Pipeline> pipeline);
  void Remove(std::string_view name);

  // Why the stored registration of this name is of no use here, perhaps because a later version wrote it;
  // null if there is none such. It is kept as it is until it is removed.
  [[nodiscard]] const std::string* Unusable(std::string_view name) const;

  // Replaces memory by what the key holds. `ctx` has this database selected, here and below.
  void Load(redis::Context* ctx);
  // Writes the key, and to replicas and AOF.
  void Save(redis::Context* ctx) const;
  void SaveOne(redis::Context* ctx, const Pipeline& pipeline) const;
  // Writes the key here alone: for a snapshot that is about to be taken.
  void SaveHere(redis::Context* ctx) const;

  // The key is not what memory is, and will be written later.
  bool unsaved = false;
  // It was written since, so that what is captured finds its registration; but perhaps too early to last.
  bool saved_early = false;

 private:
  struct Stored {
    std::string name;
    std::string json;
    std::string error;  // why it is unusable
  };

  // What the key has to hold: names and JSON in turn.
  [[nodiscard]] std::vector<std::string> Words() const;

  int index_;
  std::vector<std::unique_ptr<Pipeline>> pipelines_;
  std::vector<Stored> unusable_;
};

class Registry {
 public:
  // Null if nothing was ever registered there.
  [[nodiscard]] Database* Find(int index) const {
    const auto at = static_cast<std::size_t>(index);
    return at < databases_.size() ? databases_[at].get() : nullptr;
  }
  Database& Get(int index);
  [[nodiscard]] const std::vector<std::unique_ptr<Database>>& databases() const { return databases_; }
  [[nodiscard]] bool CapturesAnywhere(std::string_view key) const;

  // Calls `visit(database)` with each of them selected.
  template <typename Visit>
  void Each(redis::Context* ctx, const Visit& visit) const {
    const int selected = redis::GetSelectedDb(ctx);
    for (const auto& database : databases_) {
      if (!database) continue;
      redis::SelectDb(ctx, database->index());
      visit(database.get());
    }
    redis::SelectDb(ctx, selected);
  }

  void Swap(int first, int second);
  void LoadAll(redis::Context* ctx);

 private:
  std::vector<std::unique_ptr<Database>> databases_;  // null: no registration
};

// Deletes one of writebehind's own keys, here and on replicas, if somebody put a value of another type there.
void RemoveUnless(redis::Context* ctx, const std::string& key, int type);

std::uint64_t StreamLength(redis::Context* ctx, redis::String* stream);

}  // namespace writebehind
