#include "convert.h"

#include <algorithm>

namespace py = pybind11;

namespace writebehind::bindings {

py::object Decode(std::string_view text) {
  PyObject* made = PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "surrogateescape");
  if (made == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(made);
}

std::string Encode(const py::handle& text) {
  if (PyBytes_Check(text.ptr()) != 0) return text.cast<std::string>();
  const auto bytes = py::reinterpret_steal<py::object>(PyUnicode_AsEncodedString(text.ptr(), "utf-8", "surrogateescape"));
  if (!bytes) throw py::error_already_set();
  return bytes.cast<std::string>();
}

std::optional<std::string> FieldText(const py::handle& value) {
  if (value.is_none()) return std::nullopt;
  if (PyUnicode_Check(value.ptr()) != 0 || PyBytes_Check(value.ptr()) != 0) return Encode(value);
  if (PyBool_Check(value.ptr()) != 0) return value.cast<bool>() ? "1" : "0";
  if (PyDict_Check(value.ptr()) != 0 || PyList_Check(value.ptr()) != 0) {
    return Encode(py::module_::import("json").attr("dumps")(value, py::arg("ensure_ascii") = false));
  }
  return Encode(py::str(value));
}

std::string Describe(py::error_already_set& error) {
  std::string text;
  try {
    text = Encode(py::str(error.type().attr("__name__"))) + ": " + Encode(py::str(error.value()));
  } catch (const py::error_already_set&) {
    text = "an exception that can't be shown";
  }
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text;
}

Status StatusOf(py::error_already_set& error) {
  const py::module_ errors = py::module_::import("writebehind.errors");
  const struct {
    const char* name;
    Code code;
  } kinds[] = {{"CommitInDoubt", Code::kInDoubt},
               {"CheckpointMoved", Code::kFenced},
               {"TargetUnavailable", Code::kNotConnected},
               {"ConfigError", Code::kConfig}};
  for (const auto& [name, code] : kinds) {
    if (!error.matches(errors.attr(name))) continue;
    const py::object hint = py::getattr(error.value(), "hint", py::str(""));
    return {code, Encode(py::str(error.value())), Encode(py::str(hint))};
  }
  return {Code::kTransient, Describe(error)};
}

bool IsEnding() {
#if PY_VERSION_HEX >= 0x030D0000
  return Py_IsInitialized() == 0 || Py_IsFinalizing() != 0;
#else
  return Py_IsInitialized() == 0 || _Py_IsFinalizing() != 0;
#endif
}

Held::~Held() {
  if (IsEnding()) {
    object_.release();
    return;
  }
  const py::gil_scoped_acquire gil;
  object_ = py::object();
}

}  // namespace writebehind::bindings
