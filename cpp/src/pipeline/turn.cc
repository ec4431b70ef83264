#include "pipeline/turn.h"

#include <string>

#include "util/log.h"

namespace writebehind {

Turn::Turn(std::shared_ptr<Shared> shared)
    : context_(std::move(shared)), feeder_(&context_), settle_loop_(&context_), threads_([shared = context_.shared] { shared->lease.Wake(); }) {
  for (std::size_t writer = 1; writer <= context_.writers; ++writer) {
    workers_.push_back(std::make_unique<Worker>(&context_, writer));
  }
}

template <class Body>
void Turn::Run(const char* name, Body body) {
  threads_.Run(shared_from_this(), name, std::move(body), [this, name](const char* what) {
    Log(LogLevel::kError, context_.options.name, std::string(name) + " ended: " + what);
    context_.board.Set(State::kHalted, std::string(name) + " ended: " + what);
    context_.StopSoon();
    context_.stop_all.Request();
  });
}

void Turn::Start() {
  context_.board.ForgetFailure();  // of the turn before
  context_.workers_alive = workers_.size();
  Run("reader", [this] { feeder_.Run(); });
  for (auto& worker : workers_) {
    Run("writer", [this, &worker] {
      worker->Warm();
      while (worker->RunOnce()) {
      }
      --context_.workers_alive;
      context_.settle.Notify();
      worker->Close();
    });
  }
  Run("settler", [this] { settle_loop_.Run(); });
}

void Turn::Cancel() {
  context_.stop_all.Request();
  for (auto& lane : context_.lanes) lane->settlements.Close();
  // Side by side: to cancel one may take seconds, where it needs a connection to a server that hangs.
  for (auto& worker : workers_) Run("canceller", [&worker] { worker->Cancel(); });
  settle_loop_.Interrupt();
}

void Turn::Stop(std::chrono::milliseconds timeout, std::chrono::steady_clock::time_point deadline) {
  context_.StopSoon();
  feeder_.Interrupt();
  if (threads_.Await(deadline - timeout / 4)) return;
  Log(LogLevel::kWarning, context_.options.name, "stopping: what is under way is cancelled and stays in the stream");
  Cancel();
  threads_.Await(deadline);
}

void Turn::Abort() {
  context_.StopSoon();
  feeder_.Interrupt();
  Cancel();
}

}  // namespace writebehind
