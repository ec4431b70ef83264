#include "pipeline/stray_rows.h"

#include <charconv>

#include "codec/decoder.h"
#include "pipeline/redis_line.h"
#include "stream/reader.h"

namespace writebehind {

std::optional<StrayRows::Stray> StrayRows::Parse(std::string_view text) {
  const std::size_t identity = text.find(':');
  const std::size_t id = text.find(':', identity + 1);
  if (identity == std::string_view::npos || id == std::string_view::npos) return std::nullopt;
  const auto position = StreamId::Parse(text.substr(identity + 1, id - identity - 1));
  if (!position) return std::nullopt;
  Stray stray{0, *position, std::string(text.substr(id + 1))};
  std::from_chars(text.data(), text.data() + identity, stray.identity, 16);
  return stray;
}

Status StrayRows::Load(std::uint64_t identity, Connection* redis, Definitions* definitions) {
  if (loaded_ == identity) return Status::Ok();
  stored_.clear();
  if (Status status = definitions->Load(redis); !status.ok()) return AsTransient(status);
  Reply reply;
  if (Status status = redis->Command({"HGETALL", key_}, &reply); !status.ok()) return AsTransient(status);
  for (std::size_t i = 0; i + 1 < reply->elements; i += 2) {
    auto stray = Parse(Text(*reply->element[i + 1]));
    if (stray && definitions->HasIdentity(stray->identity)) stored_.emplace(Text(*reply->element[i]), std::move(*stray));
  }
  loaded_ = identity;
  return Status::Ok();
}

const StrayRows::Stray* StrayRows::Find(std::string_view key) const {
  if (const auto noted = noted_.find(key); noted != noted_.end()) return noted->second ? &*noted->second : nullptr;
  const auto stored = stored_.find(key);
  return stored == stored_.end() ? nullptr : &stored->second;
}

Record StrayRows::Resolve(const Record& record, RowArena* arena) {
  Record resolved = record;
  const Stray* stray = Find(record.key);
  if (stray == nullptr || stray->id > record.id) return resolved;  // delivered again: it was before that
  // A copy: what is noted of a later record may take the stray's place.
  std::vector<Field>& fields = resolved_.emplace_back();
  DecodeValues(arena->Keep(stray->values), &fields);
  resolved.was = fields;
  return resolved;
}

void StrayRows::Stays(const Record& resolved) {
  const Stray* stray = Find(resolved.key);
  if (stray != nullptr && stray->id > resolved.id) return;
  noted_[std::string(resolved.key)] = Stray{resolved.identity, resolved.id, EncodeValues(resolved.was)};
}

void StrayRows::Leave(const Record& record, bool only_earlier) {
  const Stray* stray = Find(record.key);
  if (stray == nullptr || stray->id > record.id || (only_earlier && stray->id == record.id)) return;
  noted_[std::string(record.key)] = std::nullopt;
}

Status StrayRows::Store(Connection* redis) {
  std::vector<std::string> words{"HSET", key_};
  for (const auto& [key, stray] : noted_) {
    if (!stray) continue;
    words.push_back(key);
    words.push_back(IdentityText(stray->identity) + ':' + stray->id.ToString() + ':' + stray->values);
    touched_.insert(key);
  }
  if (words.size() == 2) return Status::Ok();
  Reply reply;
  const std::vector<std::string_view> views(words.begin(), words.end());
  return AsTransient(redis->Command(views, &reply));
}

Status StrayRows::Finish(Connection* redis) {
  std::vector<std::string_view> words{"HDEL", key_};
  for (const auto& [key, stray] : noted_) {
    if (!stray && (stored_.contains(key) || touched_.contains(key))) words.push_back(key);
  }
  if (words.size() > 2) {
    Reply reply;
    if (Status status = redis->Command(words, &reply); !status.ok()) return AsTransient(status);
  }
  for (auto& [key, stray] : noted_) {
    touched_.erase(key);
    if (stray) {
      stored_.insert_or_assign(key, *stray);
    } else {
      stored_.erase(key);
    }
  }
  noted_.clear();
  return Status::Ok();
}

}  // namespace writebehind
