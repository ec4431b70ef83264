#include "capture/registration.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "capture/handles.h"
#include "capture/hash_command.h"
#include "capture/own_keys.h"
#include "capture/pattern.h"

namespace writebehind {
namespace {

using Json = nlohmann::json;

constexpr int kMaxDepth = 64;  // the library walks a document recursively: Redis's stack is not for a bad one

Json Parse(std::string_view text) {
  const auto shallow = [](int depth, Json::parse_event_t, const Json&) {
    if (depth > kMaxDepth) throw BadDefinition("the JSON is nested too deeply");
    return true;
  };
  try {
    Json json = Json::parse(text.begin(), text.end(), shallow);
    if (!json.is_object()) throw BadDefinition("a JSON object is expected");
    return json;
  } catch (const Json::exception& error) {
    const std::string_view what = error.what();
    const std::size_t start = what.find("] ");  // behind the library's own number
    throw BadDefinition(std::string(start == std::string_view::npos ? what : what.substr(start + 2)));
  }
}

const Json* Find(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string Text(const Json& value, const std::string& name) {
  if (!value.is_string()) throw BadDefinition("'" + name + "' must be a string");
  return value.get<std::string>();
}

std::vector<std::string> Names(const Json& value, const std::string& name) {
  if (!value.is_array()) throw BadDefinition("'" + name + "' must be an array of strings");
  std::vector<std::string> names;
  for (const Json& element : value) {
    names.push_back(Text(element, name + "[" + std::to_string(names.size()) + "]"));
    if (names.back().empty()) throw BadDefinition("'" + name + "' holds an empty string");
    if (std::count(names.begin(), names.end(), names.back()) > 1) {
      throw BadDefinition("'" + name + "' names '" + names.back() + "' twice");
    }
  }
  return names;
}

std::string ParsePattern(const Json& object) {
  const Json* pattern = Find(object, "pattern");
  if (pattern == nullptr) throw BadDefinition("'pattern' is missing");
  std::string text = Text(*pattern, "pattern");
  if (text.empty()) throw BadDefinition("'pattern' is empty");
  if (IsOwnKey(Pattern(text).prefix())) {
    throw BadDefinition("'pattern' names keys of writebehind itself, which are never captured");
  }
  return text;
}

std::vector<std::string> ParseFields(const Json& value, const std::string& name) {
  std::vector<std::string> fields = Names(value, name);
  if (std::count(fields.begin(), fields.end(), kOperationField) > 0) {
    throw BadDefinition("'" + name + "' names '#', which says what to do with a change and is never written");
  }
  return fields;
}

Limit ParseLimit(const Json& object) {
  Limit limit;
  if (const Json* most = Find(object, "max_pending")) {
    if (!most->is_number_unsigned()) throw BadDefinition("'max_pending' must be a whole number, 0 or more");
    limit.max_pending = most->get<std::uint64_t>();
  }
  if (const Json* policy = Find(object, "when_full")) {
    const std::string text = Text(*policy, "when_full");
    if (text != "warn" && text != "reject") throw BadDefinition("'when_full' must be 'warn' or 'reject'");
    limit.refuses = text == "reject";
  }
  return limit;
}

std::uint64_t Identity(const Json& value, const char* name) {
  const auto identity = ParseIdentity(Text(value, name));
  if (!identity) throw BadDefinition(std::string("'") + name + "' is no identity");
  return *identity;
}

}  // namespace

Wanted ReadWanted(std::string_view json) {
  Json object = Parse(json);
  Wanted wanted;
  wanted.limit = ParseLimit(object);
  object.erase("max_pending");
  object.erase("when_full");
  wanted.definition = object.dump();
  return wanted;
}

Definition ParseDefinition(std::string_view json) {
  const Json object = Parse(json);
  Definition definition;
  definition.pattern = ParsePattern(object);
  if (const Json* version = Find(object, "version")) definition.version = Text(*version, "version");
  if (const Json* events = Find(object, "events")) definition.events = Names(*events, "events");
  if (const Json* fields = Find(object, "fields")) definition.fields = ParseFields(*fields, "fields");
  if (const Json* fields = Find(object, "key_fields")) {
    definition.key_fields = ParseFields(*fields, "key_fields");
    std::sort(definition.key_fields.begin(), definition.key_fields.end());
  }
  if (const Json* shared = Find(object, "shared_rows")) {
    if (!shared->is_boolean()) throw BadDefinition("'shared_rows' must be true or false");
    definition.shared_rows = shared->get<bool>();
  }
  if (const Json* expired = Find(object, "expired")) {
    const std::string policy = Text(*expired, "expired");
    if (policy != "keep" && policy != "delete") throw BadDefinition("'expired' must be 'keep' or 'delete'");
    definition.expired_deletes = policy == "delete";
  }
  return definition;
}

std::string Registration::ToJson() const {
  Json json{{"definition", definition}, {"origin", IdentityText(origin)}, {"active", active}};
  if (limit.max_pending != 0) {
    json["max_pending"] = limit.max_pending;
    json["when_full"] = limit.refuses ? "reject" : "warn";
  }
  json["identities"] = Json::array();
  for (const std::uint64_t identity : identities) json["identities"].push_back(IdentityText(identity));
  json["definitions"] = Json::object();
  for (const auto& [serial, text] : definitions)
    json["definitions"][std::to_string(serial)] = Json::parse(text);
  return json.dump();
}

Registration Registration::FromJson(std::string_view text) {
  const Json json = Parse(text);
  Registration registration;
  try {
    registration.definition = json.at("definition").get<std::uint32_t>();
    registration.origin = Identity(json.at("origin"), "origin");
    registration.active = json.at("active").get<bool>();
    registration.limit = ParseLimit(json);
    for (const Json& identity : json.at("identities"))
      registration.identities.push_back(Identity(identity, "identities"));
    for (const auto& [serial, definition] : json.at("definitions").items()) {
      const auto number = ParseNumber<std::uint32_t>(serial);
      if (!number) throw BadDefinition("a definition's serial is no number");
      registration.definitions[*number] = definition.dump();
    }
  } catch (const Json::exception& error) {
    throw BadDefinition(error.what());
  }
  if (registration.identities.empty() || registration.definitions.count(registration.definition) == 0) {
    throw BadDefinition("it is incomplete");
  }
  return registration;
}

const char* RefuseName(std::string_view name) {
  if (name.empty() || name.size() > 200) return "a pipeline's name has 1 to 200 bytes";
  const auto forbidden = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '{' || c == '}' || byte < 0x20 || byte == 0x7F;
  };
  return std::any_of(name.begin(), name.end(), forbidden)
             ? "a pipeline's name has no '{', '}' or control characters"
             : nullptr;
}

std::string IdentityText(std::uint64_t identity) {
  std::string text(16, '0');
  for (std::size_t i = text.size(); i-- > 0; identity >>= 4U) text[i] = "0123456789abcdef"[identity & 0xFU];
  return text;
}

std::optional<std::uint64_t> ParseIdentity(std::string_view text) {
  return text.size() == 16 ? ParseNumber<std::uint64_t>(text, 16) : std::nullopt;
}

std::uint64_t RandomIdentity() {
  std::uint64_t identity = 0;
  while (identity == 0) redis::GetRandomBytes(reinterpret_cast<unsigned char*>(&identity), sizeof identity);
  return identity;
}

}  // namespace writebehind
