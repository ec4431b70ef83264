// A sink that is written in Python (writebehind.sinks.Sink), as the core's Sink.
#pragma once

#include <functional>
#include <memory>

#include "convert.h"
#include "writebehind/sink.h"

namespace writebehind::bindings {

// `factory` is called without arguments for each writer, in that writer's thread.
std::function<std::unique_ptr<Sink>(const SinkOptions&)> SinkMakerOf(std::shared_ptr<Held> factory);

}  // namespace writebehind::bindings
