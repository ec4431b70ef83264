// The JSON of docs/protocol.md → Definition.
#include "writebehind/definition.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace writebehind {
namespace {

using nlohmann::json;

// Collects the first thing that is wrong; the readers below go on with defaults after it.
class Reader {
 public:
  explicit Reader(std::string* problem) : problem_(problem) {}

  void Wrong(const std::string& where, const std::string& what) {
    if (problem_->empty()) *problem_ = "definition: " + where + " " + what;
  }

  // A member that is a string; `fallback` where it is absent, required where that is null.
  std::string Text(const json& object, const std::string& where, const char* member, const char* fallback) {
    const auto found = object.find(member);
    if (found == object.end()) {
      if (fallback == nullptr) Wrong(where + member, "is missing");
      return fallback == nullptr ? "" : fallback;
    }
    if (!found->is_string()) {
      Wrong(where + member, "is not a string");
      return {};
    }
    return found->get<std::string>();
  }

  // A name of a database object: never empty, no NUL byte.
  std::string Name(const json& object, const std::string& where, const char* member) {
    std::string name = Text(object, where, member, nullptr);
    if (name.empty()) Wrong(where + member, "is empty");
    if (name.find('\0') != std::string::npos) Wrong(where + member, "holds a NUL byte");
    return name;
  }

  // A member that is an array of objects; an empty one where it isn't there.
  const json& Array(const json& object, const std::string& where, const char* member, bool required) {
    static const json kEmpty = json::array();
    const auto found = object.find(member);
    if (found == object.end()) {
      if (required) Wrong(where + member, "is missing");
      return kEmpty;
    }
    if (!found->is_array()) {
      Wrong(where + member, "is not an array");
      return kEmpty;
    }
    if (required && found->empty()) Wrong(where + member, "is empty");
    return *found;
  }

 private:
  std::string* problem_;
};

void ReadFields(const json& object, Reader* reader, Definition* out) {
  for (const json& field : reader->Array(object, "", "fields", false)) {
    if (!field.is_string()) {
      reader->Wrong("fields", "holds something that is not a string");
      continue;
    }
    out->fields.push_back(field.get<std::string>());
  }
}

std::size_t IndexOf(const std::string& at, const std::string& field, const Definition& definition,
                    Reader* reader) {
  if (definition.fields.empty()) return kByName;
  const auto found = std::find(definition.fields.begin(), definition.fields.end(), field);
  if (found == definition.fields.end()) {
    reader->Wrong(at + "field", "'" + field + "' is not among the definition's fields");
    return kByName;
  }
  return static_cast<std::size_t>(found - definition.fields.begin());
}

void ReadColumns(const json& object, const std::string& where, const Definition& definition, Reader* reader,
                 Output* output) {
  std::set<std::string> seen;
  auto unique = [&](const std::string& at, const std::string& column) {
    if (!seen.insert(column).second) reader->Wrong(at + "column", "'" + column + "' is there twice");
  };
  std::size_t i = 0;
  for (const json& key : reader->Array(object, where, "keys", true)) {
    const std::string at = where + "keys[" + std::to_string(i++) + "].";
    KeyColumn column;
    column.column = reader->Name(key, at, "column");
    column.key_prefix = reader->Text(key, at, "key_prefix", "");
    if (key.contains("field")) {
      column.field = reader->Text(key, at, "field", nullptr);
      if (column.field.empty()) reader->Wrong(at + "field", "is empty");
      if (key.contains("key_prefix")) reader->Wrong(at + "field", "and key_prefix are there both");
      column.index = IndexOf(at, column.field, definition, reader);
    }
    unique(at, column.column);
    output->keys.push_back(std::move(column));
  }
  i = 0;
  for (const json& mapped : reader->Array(object, where, "columns", false)) {
    const std::string at = where + "columns[" + std::to_string(i++) + "].";
    MappedColumn column;
    column.column = reader->Name(mapped, at, "column");
    column.field = reader->Text(mapped, at, "field", nullptr);
    column.index = IndexOf(at, column.field, definition, reader);
    unique(at, column.column);
    output->columns.push_back(std::move(column));
  }
}

void ReadOutput(const json& object, std::size_t index, Reader* reader, Definition* out) {
  const std::string where = "outputs[" + std::to_string(index) + "].";
  if (!object.is_object()) return reader->Wrong("outputs[" + std::to_string(index) + "]", "is not an object");
  Output output;
  output.name = reader->Text(object, where, "name", std::to_string(index).c_str());
  output.table.schema = reader->Text(object, where, "schema", "");
  output.table.table = reader->Name(object, where, "table");
  const std::string missing = reader->Text(object, where, "missing", "null");
  if (missing != "null" && missing != "keep")
    reader->Wrong(where + "missing", "is neither \"null\" nor \"keep\"");
  output.missing = missing == "keep" ? Missing::kKeep : Missing::kNull;
  ReadColumns(object, where, *out, reader, &output);
  for (const Output& other : out->outputs) {
    if (other.name == output.name) reader->Wrong(where + "name", "'" + output.name + "' is there twice");
  }
  out->outputs.push_back(std::move(output));
}

}  // namespace

Status Definition::Parse(std::string_view text, std::uint32_t serial, Definition* out) {
  const json object = json::parse(text, nullptr, false);
  if (object.is_discarded() || !object.is_object()) return {Code::kConfig, "definition: not a JSON object"};
  std::string problem;
  Reader reader(&problem);
  *out = {};
  out->serial = serial;
  out->pattern = reader.Text(object, "", "pattern", nullptr);
  ReadFields(object, &reader, out);
  std::size_t index = 0;
  for (const json& output : reader.Array(object, "", "outputs", true)) {
    ReadOutput(output, index++, &reader, out);
  }
  if (!problem.empty()) return {Code::kConfig, problem};
  return Status::Ok();
}

}  // namespace writebehind
