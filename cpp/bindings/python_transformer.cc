#include "python_transformer.h"

#include <memory>

#include "convert.h"

namespace py = pybind11;

namespace writebehind::bindings {
namespace {

using namespace py::literals;

py::dict RecordOf(const Definition& definition, const Record& record) {
  py::dict value;
  for (std::size_t i = 0; i < record.fields.size(); ++i) {
    const Field& field = record.fields[i];
    if (!field.present) continue;
    const bool positional = field.name.empty() && i < definition.fields.size();
    value[Decode(positional ? std::string_view(definition.fields[i]) : field.name)] = Decode(field.value);
  }
  return py::dict("key"_a = Decode(record.key), "type"_a = "hash", "value"_a = value);
}

void Refuse(const std::string& reason, Transformed* made) {
  made->verdict = Transformed::Verdict::kRefused;
  made->reason = "transform: " + reason;
}

void Read(const py::object& answer, const Record& record, Transformed* made) {
  if (answer.is_none()) {
    made->verdict = Transformed::Verdict::kDropped;
    return;
  }
  if (!py::isinstance<py::dict>(answer)) return Refuse("it returned neither the record nor None", made);
  const auto changed = answer.cast<py::dict>();
  if (!changed.contains("value") || !py::isinstance<py::dict>(changed["value"])) {
    return Refuse("the record that it returned has no dict as its 'value'", made);
  }
  // The key decides which writer has the change and in which order: it can't become another's.
  if (!changed.contains("key") || Encode(py::str(changed["key"])) != record.key) return Refuse("it changed the key", made);
  for (const auto& [name, value] : changed["value"].cast<py::dict>()) {
    made->fields.emplace_back(Encode(py::str(name)), FieldText(value));
  }
}

void Call(const py::object& callable, const Definition& definition, const Record& record, Transformed* made) {
  try {
    Read(callable(RecordOf(definition, record)), record, made);
  } catch (py::error_already_set& error) {
    if (error.matches(PyExc_MemoryError) || error.matches(PyExc_KeyboardInterrupt)) throw;
    Refuse(Describe(error), made);
  }
}

}  // namespace

Transformer TransformerOf(std::shared_ptr<Held> callable) {
  return [callable = std::move(callable)](const Definition& definition, std::span<const Record* const> records, std::vector<Transformed>* transformed) -> Status {
    if (IsEnding()) return {Code::kStopped, "Python ends"};
    const py::gil_scoped_acquire gil;
    const py::object call = callable->get();  // for as long as the batch takes
    if (!call) return {Code::kStopped, "the pipeline is gone"};
    transformed->assign(records.size(), {});
    try {
      for (std::size_t i = 0; i < records.size(); ++i) Call(call, definition, *records[i], &(*transformed)[i]);
    } catch (py::error_already_set& error) {
      return {Code::kTransient, "transform: " + Describe(error)};
    }
    return Status::Ok();
  };
}

}  // namespace writebehind::bindings
