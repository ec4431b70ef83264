// The sinks by kind, each in its own file with its driver; registry.cc is the table.
#pragma once

#include <memory>

#include "writebehind/sink.h"

namespace writebehind {

std::unique_ptr<Sink> MakeNullSink(const SinkOptions& options);
std::unique_ptr<Sink> MakeRedisSink(const SinkOptions& options);
std::unique_ptr<Sink> MakeSqliteSink(const SinkOptions& options);
std::unique_ptr<Sink> MakePostgresSink(const SinkOptions& options);
std::unique_ptr<Sink> MakeMysqlSink(const SinkOptions& options);

}  // namespace writebehind
