// A writer's fence in PostgreSQL: an advisory lock of its session.
#pragma once

#include "sink/postgres_session.h"
#include "writebehind/sink.h"
#include "writebehind/status.h"

namespace writebehind {

// Throws nothing.
Status TakePostgresFence(const Fence& fence, PostgresSession* session);

}  // namespace writebehind
