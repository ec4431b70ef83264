#include "pipeline/definitions.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "util/log.h"

namespace writebehind {

Status Definitions::Load(Connection* redis) {
  Reply reply;
  if (Status status = redis->Command({"HGET", "writebehind:registry", pipeline_}, &reply); !status.ok()) return status;
  if (reply->type != REDIS_REPLY_STRING) return {Code::kRefused, "no pipeline '" + pipeline_ + "' is registered"};
  const auto registration = nlohmann::json::parse(Text(*reply), nullptr, false);
  if (!registration.is_object() || !registration.contains("definitions")) {
    return {Code::kCorrupt, "the registration of '" + pipeline_ + "' in writebehind:registry can't be read"};
  }
  std::map<std::uint32_t, std::shared_ptr<const Definition>> found;
  for (const auto& [text, json] : registration["definitions"].items()) {
    std::uint32_t serial = 0;
    std::from_chars(text.data(), text.data() + text.size(), serial);
    auto definition = std::make_shared<Definition>();
    if (Status status = Definition::Parse(json.dump(), serial, definition.get()); !status.ok()) {
      Log(LogLevel::kError, pipeline_, "definition " + text + ": " + status.message());
      continue;
    }
    found.emplace(serial, std::move(definition));
  }
  std::lock_guard lock(mutex_);
  by_serial_ = std::move(found);
  return Status::Ok();
}

std::shared_ptr<const Definition> Definitions::Find(std::uint32_t serial) const {
  std::lock_guard lock(mutex_);
  const auto found = by_serial_.find(serial);
  return found == by_serial_.end() ? nullptr : found->second;
}

}  // namespace writebehind
