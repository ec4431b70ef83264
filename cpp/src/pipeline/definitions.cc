#include "pipeline/definitions.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "util/log.h"

namespace writebehind {
namespace {

// Of 16 hex digits; 0 where it is none.
std::uint64_t Number(const std::string& text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number, 16);
  return number;
}

}  // namespace

Status Definitions::Load(Connection* redis) {
  Reply reply;
  if (Status status = redis->Command({"HGET", "writebehind:registry", pipeline_}, &reply); !status.ok()) return status;
  if (reply->type != REDIS_REPLY_STRING) return {Code::kRefused, "no pipeline '" + pipeline_ + "' is registered"};
  const auto registration = nlohmann::json::parse(Text(*reply), nullptr, false);
  if (!registration.is_object() || !registration.contains("definitions")) {
    return {Code::kCorrupt, "the registration of '" + pipeline_ + "' in writebehind:registry can't be read"};
  }
  std::map<std::uint32_t, Known> found;
  for (const auto& [text, json] : registration["definitions"].items()) {
    std::uint32_t serial = 0;
    std::from_chars(text.data(), text.data() + text.size(), serial);
    Known known{json.dump(), nullptr};
    auto definition = std::make_shared<Definition>();
    if (Status status = Definition::Parse(known.json, serial, definition.get()); !status.ok()) {
      Log(LogLevel::kError, pipeline_, "definition " + text + ": " + status.message());
      continue;
    }
    known.definition = std::move(definition);
    found.emplace(serial, std::move(known));
  }
  std::lock_guard lock(mutex_);
  // What Redis has lost meanwhile stays known: changes that were captured with it may be under way.
  for (auto& [serial, known] : found) {
    const auto before = by_serial_.find(serial);
    if (before != by_serial_.end() && before->second.json != known.json) ++generation_;
    by_serial_[serial] = std::move(known);
  }
  current_ = registration.value("definition", 0U);
  origin_ = Number(registration.value("origin", ""));
  identities_.clear();
  for (const auto& identity : registration.value("identities", nlohmann::json::array())) {
    if (identity.is_string()) identities_.push_back(Number(identity.get_ref<const std::string&>()));
  }
  return Status::Ok();
}

std::uint64_t Definitions::generation() const {
  std::lock_guard lock(mutex_);
  return generation_;
}

std::uint32_t Definitions::current() const {
  std::lock_guard lock(mutex_);
  return current_;
}

std::uint64_t Definitions::origin() const {
  std::lock_guard lock(mutex_);
  return origin_;
}

std::uint64_t Definitions::identity() const {
  std::lock_guard lock(mutex_);
  return identities_.empty() ? 0 : identities_.back();
}

std::vector<std::uint64_t> Definitions::identities() const {
  std::lock_guard lock(mutex_);
  return identities_;
}

std::optional<std::size_t> Definitions::PlaceOf(std::uint64_t identity) const {
  std::lock_guard lock(mutex_);
  const auto found = std::find(identities_.begin(), identities_.end(), identity);
  if (found == identities_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - identities_.begin());
}

std::shared_ptr<const Definition> Definitions::Find(std::uint32_t serial) const {
  std::lock_guard lock(mutex_);
  const auto found = by_serial_.find(serial);
  return found == by_serial_.end() ? nullptr : found->second.definition;
}

bool Definitions::IsNews(const std::string& warning) const {
  std::lock_guard lock(mutex_);
  return warned_.insert(warning).second;
}

}  // namespace writebehind
