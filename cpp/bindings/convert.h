// Texts and errors between Python and the core. Everything here wants the GIL.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "writebehind/status.h"

namespace writebehind::bindings {

// UTF-8; bytes that are none become lone surrogates (PEP 383), from which Encode makes the same bytes again.
pybind11::object Decode(std::string_view text);
std::string Encode(const pybind11::handle& text);

// What a Python value is as the text of a field: None is no value, True "1", everything else as str() has it; a
// list or a dict as JSON.
std::optional<std::string> FieldText(const pybind11::handle& value);

// "ValueError: what it says", in one line.
std::string Describe(pybind11::error_already_set& error);

// An exception of a Python sink or function as a Status, by the classes of writebehind.errors and
// writebehind.sinks; every other is transient: it is tried again.
Status StatusOf(pybind11::error_already_set& error);

// The interpreter is ending: it lets no other thread have its GIL any more.
bool IsEnding();

// A reference that any thread may drop, also one without the GIL, also when the interpreter is ending (then it
// is leaked: there is nothing left to give it back to).
class Held {
 public:
  explicit Held(pybind11::object object) : object_(std::move(object)) {}
  ~Held();
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  // Null once let go of.
  [[nodiscard]] const pybind11::object& get() const { return object_; }
  void LetGo() { object_ = pybind11::object(); }

 private:
  pybind11::object object_;
};

// What the engine's threads call. Whoever made it lets go of all of it, so that a thread that still hangs then keeps
// nothing of Python's alive.
using Callables = std::vector<std::shared_ptr<Held>>;

}  // namespace writebehind::bindings
