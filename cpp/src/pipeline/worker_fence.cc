// How a writer makes sure that it is its engine's turn. The order counts: first other engines' sessions are ended and
// the fence is ours, then Redis says whether the lease is too. Whoever gets the lease later takes the fence after that,
// and finds this session by it.
#include <fmt/format.h>

#include "pipeline/worker.h"

namespace writebehind {

Status Worker::Connect() {
  if (target_.connected()) return Status::Ok();
  const std::string origin = context_->lease.origin();
  if (origin.empty()) return {Code::kTransient, "the pipeline is not registered in Redis yet"};
  if (Status status = Asking(lane_).For([&] { return target_.Connect(origin, context_->token); }); !status.ok()) return status;
  Status status = ConfirmLease();
  if (!status.ok()) target_.Disconnect();
  return status;
}

Status Worker::ConfirmLease() {
  Reply reply;
  if (Status status = CommandRedis({"WB.LEASE", context_->options.name, context_->token}, &reply); !status.ok()) return status;
  if (reply->integer == 1) return Status::Ok();
  return {Code::kTransient, "another engine has taken over"};
}

}  // namespace writebehind
