// Python mappings → the core's options. Bindings decide nothing about data.
#pragma once

#include <pybind11/pybind11.h>

#include "convert.h"
#include "writebehind/options.h"
#include "writebehind/status.h"

namespace writebehind::bindings {

// Raises ValueError for a key that no option has: a slip must not be silent.
// `callables` gets what of Python's they hold.
PipelineOptions PipelineOptionsOf(const pybind11::dict& config, Callables* callables);
SinkOptions SinkOptionsOf(const pybind11::dict& config, Callables* callables);

// The one map Status → exception: the classes of writebehind.errors.
void Raise(const Status& status);

// Runs `body` without the GIL and raises what it failed with.
template <class Body>
void Unlocked(Body body) {
  Status status;
  {
    const pybind11::gil_scoped_release unlocked;
    status = body();
  }
  Raise(status);
}

}  // namespace writebehind::bindings
