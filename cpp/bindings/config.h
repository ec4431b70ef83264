// Python mappings → the core's options. Bindings decide nothing about data.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>

#include "writebehind/options.h"
#include "writebehind/status.h"

namespace writebehind::bindings {

// A Python callable that the engine's threads call, and that Python's side alone lets go of: a thread that still
// hangs when Python ends must never be the one to free it. Touched under the GIL only.
struct Callable {
  pybind11::object object;  // null: not given, or let go of
};

// Raises ValueError for a key that no option has: a slip must not be silent.
// `credentials` holds the callable, if one is given.
PipelineOptions PipelineOptionsOf(const pybind11::dict& config, std::shared_ptr<Callable> credentials);
SinkOptions SinkOptionsOf(const pybind11::dict& config);

// The one map Status → exception: the classes of writebehind.errors.
void Raise(const Status& status);

}  // namespace writebehind::bindings
