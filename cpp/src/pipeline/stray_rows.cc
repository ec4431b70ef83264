#include "pipeline/stray_rows.h"

#include <charconv>

#include "codec/decoder.h"
#include "codec/entry_format.h"
#include "stream/reader.h"

namespace writebehind {
namespace {

struct Origin {
  std::uint64_t identity = 0;
  StreamId id;
  std::string_view key;
};

std::string FieldOf(const Record& record, std::string_view key) {
  return (IdentityText(record.identity) + ':' + record.id.ToString() + ':').append(key);
}

std::optional<Origin> Parse(std::string_view field) {
  const std::size_t identity = field.find(':');
  const std::size_t id = field.find(':', identity + 1);
  if (identity == std::string_view::npos || id == std::string_view::npos) return std::nullopt;
  const auto position = StreamId::Parse(field.substr(identity + 1, id - identity - 1));
  if (!position) return std::nullopt;
  Origin origin{0, *position, field.substr(id + 1)};
  std::from_chars(field.data(), field.data() + identity, origin.identity, 16);
  return origin;
}

}  // namespace

Status StrayRows::Load(std::uint64_t identity, StreamId passed, Connection* redis, Definitions* definitions) {
  if (loaded_ == identity) return Status::Ok();
  Reset();
  if (Status status = definitions->Load(redis); !status.ok()) return AsTransient(status);
  Reply type;
  if (Status status = redis->Command({"TYPE", key_}, &type); !status.ok()) return AsTransient(status);
  if (Text(*type) != "hash") {  // the next that is stored takes its place
    loaded_ = identity;
    return Status::Ok();
  }
  Reply reply;
  if (Status status = redis->Command({"HGETALL", key_}, &reply); !status.ok()) return AsTransient(status);
  // One that the stream never had is of a stream that was deleted: older than all that it had since.
  const auto place = [definitions](std::uint64_t of) {
    const auto found = definitions->PlaceOf(of);
    return found ? *found + 1 : 0;
  };
  const std::pair here(place(identity), passed);
  using At = std::pair<std::pair<std::size_t, StreamId>, std::size_t>;  // the last: index
  std::map<std::string_view, At> latest;                                // by key
  for (std::size_t i = 0; i + 1 < reply->elements; i += 2) {
    const auto origin = Parse(Text(*reply->element[i]));
    if (!origin) continue;
    At at(std::pair(place(origin->identity), origin->id), i);
    if (at.first > here) {
      if (origin->identity == identity) attempted_.emplace(origin->id, Text(*reply->element[i]));
      continue;
    }
    const auto [known, first] = latest.emplace(origin->key, at);
    if (first) continue;
    if (known->second < at) std::swap(known->second, at);
    superseded_.emplace_back(Text(*reply->element[at.second]));
  }
  for (const auto& [key, at] : latest) {
    std::string field(Text(*reply->element[at.second]));
    const std::string_view values = Text(*reply->element[at.second + 1]);
    if (values.empty()) {
      superseded_.push_back(std::move(field));
    } else {
      current_.emplace(key, Stray{std::move(field), std::string(values), {}});
    }
  }
  loaded_ = identity;
  return Status::Ok();
}

void StrayRows::Reset() {
  loaded_ = plan_ = 0;
  current_.clear();
  by_row_.clear();
  journal_.clear();
  attempted_.clear();
  superseded_.clear();
}

void StrayRows::Unlist(const std::string& key, const Stray& stray) {
  if (!stray.row.empty()) by_row_.erase({stray.row, key});
}

void StrayRows::Put(const std::string& key, std::optional<Stray> stray) {
  if (const auto known = current_.find(key); known != current_.end()) {
    Unlist(key, known->second);
    current_.erase(known);
  }
  if (!stray) return;
  if (!stray->row.empty()) by_row_.emplace(stray->row, key);
  current_.emplace(key, std::move(*stray));
}

void StrayRows::Undo() {
  for (; !journal_.empty(); journal_.pop_back()) Put(journal_.back().first, std::move(journal_.back().second));
}

void StrayRows::Begin(std::uint64_t plan, const NameOf& name_of) {
  Undo();
  resolved_.clear();
  if (plan == plan_) return;
  plan_ = plan;
  by_row_.clear();
  for (auto& [key, stray] : current_) {
    stray.row = name_of(stray.values);
    if (!stray.row.empty()) by_row_.emplace(stray.row, key);
  }
}

Record StrayRows::Resolve(const Record& record, RowArena* arena) {
  Record resolved = record;
  const auto stray = current_.find(record.key);
  if (record.forgotten || stray == current_.end() || stray->second.values.empty()) return resolved;
  // A copy: what is noted of a later record may take the stray's place.
  std::vector<Field>& fields = resolved_.emplace_back();
  DecodeValues(arena->Keep(stray->second.values), &fields);
  resolved.was = fields;
  resolved.had_no_row = fields.empty();
  return resolved;
}

void StrayRows::Set(std::string_view key, const Record& record, std::string values, std::string row) {
  const auto known = current_.find(key);
  const bool is_known = known != current_.end();
  if (is_known ? known->second.values == values : values.empty()) return;
  std::string name(key);
  journal_.emplace_back(name, is_known ? std::optional(known->second) : std::nullopt);
  Put(name, Stray{FieldOf(record, key), std::move(values), std::move(row)});
}

std::vector<std::string> StrayRows::OthersOf(std::string_view key, const std::string& row) const {
  std::vector<std::string> others;
  for (auto at = by_row_.lower_bound({row, {}}); at != by_row_.end() && at->first == row; ++at) {
    if (at->second != key) others.push_back(at->second);
  }
  return others;
}

void StrayRows::Written(const Record& record, const std::string& row) {
  if (current_.empty()) return;
  Set(record.key, record, {}, {});
  if (row.empty()) return;
  for (const std::string& other : OthersOf(record.key, row)) Set(other, record, std::string(kNoValues), {});
}

void StrayRows::Stays(const Record& resolved, const std::string& left, std::string_view values, const std::string& row) {
  if (!resolved.was.empty()) {
    Set(resolved.key, resolved, EncodeValues(resolved.was), left);
  } else if (resolved.had_no_row) {
    Set(resolved.key, resolved, std::string(kNoValues), {});
  }
  if (resolved.from.empty() || values.empty()) return;
  const auto known = current_.find(resolved.from);
  const bool is_known = known != current_.end() && !known->second.values.empty();
  if (!is_known) Set(resolved.from, resolved, std::string(values), row);
}

void StrayRows::Attempted(const std::string& field) {
  if (const auto origin = Parse(field)) attempted_.emplace(origin->id, field);
}

void StrayRows::EraseAttempted(StreamId last) {
  while (!attempted_.empty() && attempted_.begin()->first <= last) attempted_.erase(attempted_.begin());
}

Status StrayRows::Store(StreamId last, Connection* redis) {
  std::map<std::string_view, const Stray*> stored;
  for (const auto& [key, before] : journal_) {
    if (const auto now = current_.find(key); now != current_.end()) stored[now->second.field] = &now->second;
  }
  std::vector<std::string_view> words{"WB.STRAYS", pipeline_, {}};
  for (const auto& [id, field] : attempted_) {
    if (id > last) break;
    if (!stored.contains(field)) words.push_back(field);
  }
  const std::string removed = std::to_string(words.size() - 3);
  words[2] = removed;
  for (const auto& [field, stray] : stored) words.insert(words.end(), {field, stray->values});
  if (words.size() == 3) return Status::Ok();
  Reply reply;
  if (Status status = redis->Command(Leased(token_, words), &reply); !status.ok()) {
    for (const auto& [field, stray] : stored) Attempted(stray->field);  // perhaps
    return AsTransient(status);
  }
  EraseAttempted(last);
  for (const auto& [field, stray] : stored) Attempted(stray->field);
  return Status::Ok();
}

std::vector<std::string> StrayRows::Finish(StreamId last) {
  std::vector<std::string> passed = std::exchange(superseded_, {});
  std::set<std::string_view> seen;
  for (const auto& [key, before] : journal_) {
    if (!seen.insert(key).second) continue;
    if (before) passed.push_back(before->field);
    const auto now = current_.find(key);
    if (now == current_.end() || !now->second.values.empty()) continue;
    passed.push_back(now->second.field);
    current_.erase(now);
  }
  journal_.clear();
  EraseAttempted(last);
  return passed;
}

}  // namespace writebehind
