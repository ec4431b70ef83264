// A sink that is written in Python (writebehind.sinks.Sink), as the core's Sink.
#pragma once

#include <pybind11/pybind11.h>

#include <functional>
#include <memory>

#include "writebehind/sink.h"

namespace writebehind::bindings {

// `factory` is called without arguments for each writer, in that writer's thread.
std::function<std::unique_ptr<Sink>(const SinkOptions&)> SinkMakerOf(const pybind11::object& factory);

}  // namespace writebehind::bindings
