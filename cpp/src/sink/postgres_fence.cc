#include "sink/postgres_fence.h"

#include "sink/dialect_fence.h"
#include "sink/driver_failure.h"

namespace writebehind {
namespace {

// Of writer 0, which there is not.
std::int64_t FirstLock(const Fence& fence) { return static_cast<std::int64_t>(FenceNumber(fence.output) & ~std::uint64_t{0xFFFF}); }

// The server ends it when it has rolled back, or committed, what it had begun; and then its locks.
Status End(const std::string& process, const std::string& user, PostgresSession* session) {
  try {
    session->Query(postgres_sql::kEndSession, {process});
    return Status::Ok();
  } catch (const DriverFailure& failure) {
    if (failure.code == Code::kNotConnected) throw;
    return {Code::kTransient,
            "postgres: session " + process + " of user '" + user + "' belongs to another engine of this pipeline, and can't be ended: " +
                failure.ToStatus().message(),
            "grant pg_signal_backend to this engine's user, or end that session; writing goes on once it is gone"};
  }
}

Status Take(const std::string& lock, PostgresSession* session) {
  try {
    session->Query(postgres_sql::kTakeFence, {lock});
    return Status::Ok();
  } catch (const DriverFailure& failure) {
    if (failure.code == Code::kNotConnected) throw;
    return {Code::kTransient, "postgres: a session of another engine of this pipeline has not ended yet: " + failure.ToStatus().message()};
  }
}

// Its own, and where it is the first those of writers that this engine has not.
bool Concerns(const Fence& fence, std::size_t writer) { return writer == fence.writer || (fence.writer == 1 && writer > fence.writers); }

Status TakeAll(const Fence& fence, PostgresSession* session) {
  const std::int64_t first = FirstLock(fence);
  session->Execute(postgres_sql::kFenceWait);
  for (const Texts& holder : session->Query(postgres_sql::kFenceHolders, {std::to_string(first)}).rows) {
    const std::size_t writer = std::stoull(holder[0].value_or("0"));
    if (!Concerns(fence, writer)) continue;
    if (Status status = End(holder[1].value_or(""), holder[2].value_or(""), session); !status.ok()) return status;
    if (writer == fence.writer) continue;
    const std::string lock = std::to_string(first + static_cast<std::int64_t>(writer));
    if (Status status = Take(lock, session); !status.ok()) return status;
    session->Query(postgres_sql::kLeaveFence, {lock});
  }
  if (Status status = Take(std::to_string(first + static_cast<std::int64_t>(fence.writer)), session); !status.ok()) return status;
  session->Execute(postgres_sql::kFenceWaited);
  return Status::Ok();
}

}  // namespace

Status TakePostgresFence(const Fence& fence, PostgresSession* session) {
  try {
    return TakeAll(fence, session);
  } catch (const DriverFailure& failure) {
    const Status status = failure.ToStatus();
    return failure.code == Code::kNotConnected ? status : Status(Code::kTransient, status.message(), status.hint());
  }
}

}  // namespace writebehind
