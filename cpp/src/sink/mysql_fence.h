// A writer's fence in MySQL and MariaDB: a named lock of its session.
#pragma once

#include "sink/mysql_session.h"
#include "writebehind/sink.h"
#include "writebehind/status.h"

namespace writebehind {

// Throws nothing. Leaves a transaction open.
Status TakeMysqlFence(const Fence& fence, MysqlSession* session);

}  // namespace writebehind
