#include "sink/postgres_probe.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "sink/postgres_errors.h"

namespace writebehind {
namespace {

using Clock = std::chrono::steady_clock;

struct Finish {
  void operator()(PGconn* link) const noexcept { PQfinish(link); }
};
struct FreeOptions {
  void operator()(PQconninfoOption* options) const noexcept { PQconninfoFree(options); }
};

// Until it is connected or has failed; false: not by the deadline.
bool Connect(PGconn* link, Clock::time_point deadline) {
  PostgresPollingStatusType wants = PGRES_POLLING_WRITING;
  while (wants == PGRES_POLLING_READING || wants == PGRES_POLLING_WRITING) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd waiting{PQsocket(link), static_cast<short>(wants == PGRES_POLLING_READING ? POLLIN : POLLOUT), 0};
    if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) <= 0) return false;
    wants = PQconnectPoll(link);
  }
  return true;
}

}  // namespace

Code ProbePostgres(const std::string& connection_string, std::chrono::milliseconds limit) {
  if (limit.count() <= 0) return Code::kNotConnected;
  const auto deadline = Clock::now() + limit;
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(
      PQconninfoParse(connection_string.c_str(), nullptr));
  if (!options) return Code::kConfig;  // an option that libpq doesn't know
  const std::unique_ptr<PGconn, Finish> link(PQconnectStart(connection_string.c_str()));
  if (!link) return Code::kNotConnected;
  // Of a server's message only its severity, in its language, and the SQLSTATE.
  PQsetErrorVerbosity(link.get(), PQERRORS_SQLSTATE);
  if (PQstatus(link.get()) != CONNECTION_BAD && !Connect(link.get(), deadline)) return Code::kNotConnected;
  if (PQstatus(link.get()) == CONNECTION_OK) return Code::kNotConnected;
  if (PQconnectionNeedsPassword(link.get()) != 0) return Code::kConfig;
  return PostgresConnectCode(PQerrorMessage(link.get()));
}

}  // namespace writebehind
