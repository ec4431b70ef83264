// SinkOptions → the options of a Connector/C++ connection.
#pragma once

#include <cppconn/connection.h>

#include <chrono>

#include "writebehind/sink.h"

namespace writebehind {

// As the driver and the server take a time: whole seconds, rounded up, at least one.
int MysqlSeconds(std::chrono::milliseconds time);

// Timeouts are rounded up to seconds, at least one. The password is in it: never print it.
sql::ConnectOptionsMap MysqlConnectOptions(const SinkOptions& options, std::chrono::milliseconds connect_timeout);

// A driver's option demands TLS: the driver would still fall back to plain text.
bool MysqlDemandsTls(const SinkOptions& options);

}  // namespace writebehind
