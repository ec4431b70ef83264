#include "sink/mysql_fence.h"

#include <algorithm>
#include <cstdio>

#include "sink/dialect_fence.h"
#include "sink/driver_failure.h"

namespace writebehind {
namespace {

constexpr std::size_t kMostWriters = 64;  // that an earlier engine is believed to have had
constexpr char kWaitSeconds[] = "2";

std::string LockName(const Fence& fence, std::size_t writer) {
  char name[48];
  std::snprintf(name, sizeof name, "writebehind:%016llx:%zu", static_cast<unsigned long long>(FenceNumber(fence.output)), writer);
  return name;
}

bool Take(const std::string& name, const char* seconds, MysqlSession* session) {
  const auto rows = session->Query(mysql_sql::kTakeFence, {name, seconds});
  return rows.size() == 1 && rows[0][0] == "1";
}

// The server ends it when it has rolled back, or committed, what it had begun; and then its locks.
Status End(const std::string& id, MysqlSession* session) {
  constexpr int kNoSuchSession = 1094;
  try {
    session->Execute(mysql_sql::EndSession(id));
  } catch (const DriverFailure& failure) {
    if (failure.code == Code::kNotConnected) throw;
    if (failure.number == kNoSuchSession) return Status::Ok();
    return {Code::kTransient, "mysql: session " + id + " belongs to another engine of this pipeline, and can't be ended: " + failure.ToStatus().message(),
            "grant CONNECTION ADMIN (CONNECTION_ADMIN in MySQL) to this engine's user, or end that session; writing goes on once it is gone"};
  }
  return Status::Ok();
}

Status EndHolder(const std::string& id, const std::string& name, MysqlSession* session) {
  if (Status status = End(id, session); !status.ok()) return status;
  if (Take(name, kWaitSeconds, session)) return Status::Ok();
  return {Code::kTransient, "mysql: session " + id + " of another engine of this pipeline has not ended yet"};
}

Status TakeOwn(const Fence& fence, MysqlSession* session) {
  const std::string name = LockName(fence, fence.writer);
  if (Take(name, "0", session)) return Status::Ok();
  const auto holder = session->Query(mysql_sql::FenceHolders(1), {name}).at(0).at(0);
  if (holder) return EndHolder(*holder, name, session);
  if (Take(name, kWaitSeconds, session)) return Status::Ok();
  return {Code::kTransient, "mysql: the lock " + name + " of this pipeline can't be had"};
}

// Writers of another engine that this one has not.
Status EndOthers(const Fence& fence, MysqlSession* session) {
  std::vector<std::string> names;
  for (std::size_t writer = fence.writers + 1; writer <= kMostWriters; ++writer) names.push_back(LockName(fence, writer));
  if (names.empty()) return Status::Ok();
  const Texts holders = session->Query(mysql_sql::FenceHolders(names.size()), names).at(0);
  for (std::size_t i = 0; i < holders.size(); ++i) {
    if (!holders[i]) continue;
    if (Status status = EndHolder(*holders[i], names[i], session); !status.ok()) return status;
    session->Query(mysql_sql::kLeaveFence, {names[i]});
  }
  return Status::Ok();
}

}  // namespace

Status TakeMysqlFence(const Fence& fence, MysqlSession* session) {
  try {
    if (Status status = TakeOwn(fence, session); !status.ok()) return status;
    return fence.writer == 1 ? EndOthers(fence, session) : Status::Ok();
  } catch (const DriverFailure& failure) {
    const Status status = failure.ToStatus();
    return failure.code == Code::kNotConnected ? status : Status(Code::kTransient, status.message(), status.hint());
  }
}

}  // namespace writebehind
