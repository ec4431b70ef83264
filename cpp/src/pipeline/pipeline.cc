#include "writebehind/pipeline.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "pipeline/context.h"
#include "pipeline/feeder.h"
#include "pipeline/settle_loop.h"
#include "pipeline/target.h"
#include "pipeline/worker.h"
#include "util/log.h"
#include "util/thread_name.h"

namespace writebehind {

// Owned by the Pipeline and by each of its threads, so that a thread that hangs in a driver call never
// outlives what it works on.
class Pipeline::Impl : public std::enable_shared_from_this<Pipeline::Impl> {
 public:
  explicit Impl(PipelineOptions options) : context(std::move(options)), feeder(&context), settle_loop(&context) {
    for (std::size_t writer = 1; writer <= context.options.writers; ++writer) {
      workers.push_back(std::make_unique<Worker>(&context, writer));
    }
  }

  void Start() {
    context.board.Set(State::kRunning);
    context.workers_alive = workers.size();
    Run("reader", [this] { feeder.Run(); });
    for (auto& worker : workers) {
      Run("writer", [this, &worker] {
        worker->Warm();
        while (worker->RunOnce()) {
        }
        --context.workers_alive;
        context.settle.Notify();
        worker->Close();
      });
    }
    Run("settler", [this] { settle_loop.Run(); });
  }

  bool Stop(std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    context.StopSoon();
    feeder.Interrupt();
    if (!AwaitThreads(deadline - timeout / 4)) {
      Log(LogLevel::kWarning, context.options.name, "stopping: what is under way is cancelled and stays in the stream");
      context.stop_all.Request();
      for (auto& lane : context.lanes) lane->settlements.Close();
      // Side by side: to cancel one may take seconds, where it needs a connection to a server that hangs.
      for (auto& worker : workers) Run("canceller", [&worker] { worker->Cancel(); });
      settle_loop.Interrupt();
    }
    const bool done = AwaitThreads(deadline);
    if (context.board.Get().state == State::kRunning || context.board.Get().state == State::kRetrying) context.board.Set(State::kStopped);
    return done;
  }

  bool AwaitThreads(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(threads->mutex);
    return threads->ended.wait_until(lock, deadline, [this] { return threads->count == 0; });
  }

  Context context;
  Feeder feeder;
  SettleLoop settle_loop;
  std::vector<std::unique_ptr<Worker>> workers;

 private:
  template <class Body>
  void Run(const char* name, Body body) {
    {
      std::lock_guard lock(threads->mutex);
      ++threads->count;
    }
    std::thread([self = shared_from_this(), threads = threads, name, body]() mutable {
      NameThread((std::string("wb-") + name).c_str());
      try {
        body();
      } catch (const std::exception& error) {
        Log(LogLevel::kError, self->context.options.name, std::string(name) + " ended: " + error.what());
        self->context.board.Set(State::kHalted, std::string(name) + " ended: " + error.what());
        self->context.StopSoon();
        self->context.stop_all.Request();
      }
      // Before it counts as ended: who waited for that must be the last owner. What we own may be Python's, which a thread of ours
      // can't let go of any more once Python ends.
      self.reset();
      std::lock_guard lock(threads->mutex);
      --threads->count;
      threads->ended.notify_all();
    }).detach();
  }

  struct Threads {
    std::mutex mutex;
    std::condition_variable ended;
    std::size_t count = 0;
  };
  std::shared_ptr<Threads> threads = std::make_shared<Threads>();
};

Pipeline::Pipeline(PipelineOptions options) : impl_(std::make_shared<Impl>(std::move(options))) {}

Pipeline::~Pipeline() { Stop(std::chrono::seconds(5)); }

Status Pipeline::Check(const std::string& definition, std::vector<std::string>* warnings) {
  auto parsed = std::make_shared<Definition>();
  if (Status status = Definition::Parse(definition, 0, parsed.get()); !status.ok()) return status;
  const bool shares_rows = std::any_of(parsed->outputs.begin(), parsed->outputs.end(), [](const Output& output) { return output.has_field_keys(); });
  if (shares_rows && impl_->context.options.writers > 1) return {Code::kConfig, "key columns that are fields of the hash allow one writer"};
  std::unique_ptr<Sink> sink;
  if (Status status = OpenSink(impl_->context.options, &sink); !status.ok()) return status;
  *warnings = sink->Warnings();
  Plan plan;
  Status status = MakePlanOf(std::move(parsed), sink.get(), &plan, warnings);
  if (status.ok() && !impl_->context.options.sink.exactly_once_table.empty()) {
    StreamId unused;
    const std::string probe = impl_->context.options.name + "/check";
    status = sink->LoadCheckpoint(probe, &unused);
    if (status.ok()) sink->ForgetCheckpoint(probe);
  }
  sink->Close();
  return status;
}

Status Pipeline::Start() {
  const PipelineOptions& options = impl_->context.options;
  if (options.name.empty()) return {Code::kConfig, "a pipeline needs a name"};
  if (options.writers < 1 || options.max_batch_rows < 1) return {Code::kConfig, "writers and max_batch start at 1"};
  impl_->Start();
  return Status::Ok();
}

bool Pipeline::Stop(std::chrono::milliseconds timeout) { return impl_->Stop(timeout); }

bool Pipeline::Wait(std::chrono::milliseconds timeout) {
  return impl_->AwaitThreads(std::chrono::steady_clock::now() + timeout);
}

const StatusBoard& Pipeline::board() const { return impl_->context.board; }

std::chrono::milliseconds Pipeline::lag() const {
  const auto oldest = impl_->context.tracker.Oldest();
  if (!oldest) return {};
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  return std::max(std::chrono::milliseconds(0), now - std::chrono::milliseconds(oldest->ms));
}

Status Explain(const SinkOptions& options, const std::string& definition, std::vector<std::string>* statements) {
  auto parsed = std::make_shared<Definition>();
  if (Status status = Definition::Parse(definition, 0, parsed.get()); !status.ok()) return status;
  PipelineOptions pipeline;
  pipeline.sink = options;
  std::unique_ptr<Sink> sink;
  if (Status status = OpenSink(pipeline, &sink); !status.ok()) return status;
  Plan plan;
  std::vector<std::string> warnings;
  if (Status status = MakePlanOf(std::move(parsed), sink.get(), &plan, &warnings); !status.ok()) return status;
  *statements = sink->Explain(plan.table);
  return Status::Ok();
}

}  // namespace writebehind
