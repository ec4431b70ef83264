#include "writebehind/pipeline.h"

#include <algorithm>
#include <mutex>

#include "pipeline/keeper.h"
#include "pipeline/target.h"
#include "pipeline/turn.h"
#include "util/log.h"
#include "util/threads.h"

namespace writebehind {
namespace {

constexpr std::chrono::milliseconds kLeastLease{200};
constexpr std::chrono::milliseconds kCheckTimeout{5000};  // of a statement

}  // namespace

// Owned by the Pipeline and by its own threads; a turn of work by its threads.
class Pipeline::Impl : public std::enable_shared_from_this<Pipeline::Impl> {
 public:
  explicit Impl(PipelineOptions options) : shared(std::make_shared<Shared>(std::move(options))) {}

  void Start() {
    shared->board.Set(State::kRunning);
    threads.Run(
        shared_from_this(), "keeper", [this] { Keeper(shared.get()).Run([this] { return Begin(); }, [this] { End(); }); },
        [this](const char* what) {
          Log(LogLevel::kError, shared->options.name, std::string("keeper ended: ") + what);
          shared->board.Set(State::kHalted, std::string("keeper ended: ") + what);
          if (const auto turn = current()) turn->Abort();
        });
  }

  bool Stop(std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    shared->stop.Request();
    shared->lease.Wake();
    if (const auto turn = current()) turn->Stop(timeout, deadline);
    if (!threads.Await(deadline - timeout / 8)) shared->lease.Interrupt();  // Redis hangs
    const bool done = threads.Await(deadline);
    const State state = shared->board.Get().state;
    if (state == State::kRunning || state == State::kRetrying || state == State::kStandby) shared->board.Set(State::kStopped);
    return done;
  }

  [[nodiscard]] std::shared_ptr<Turn> current() const {
    const std::lock_guard lock(mutex_);
    return turn_;
  }

  const std::shared_ptr<Shared> shared;
  Threads threads;

 private:
  // Null: it was stopped.
  std::shared_ptr<Turn> Begin() {
    const std::lock_guard lock(mutex_);
    if (shared->stop.requested()) return nullptr;
    turn_ = std::make_shared<Turn>(shared);
    turn_->Start();
    return turn_;
  }

  void End() {
    std::shared_ptr<Turn> ended;
    const std::lock_guard lock(mutex_);
    ended = std::move(turn_);
  }

  mutable std::mutex mutex_;  // guards turn_
  std::shared_ptr<Turn> turn_;
};

Pipeline::Pipeline(PipelineOptions options) : impl_(std::make_shared<Impl>(std::move(options))) {}

Pipeline::~Pipeline() { Stop(std::chrono::seconds(5)); }

Status Pipeline::Check(const std::string& definition, std::vector<std::string>* warnings) {
  auto parsed = std::make_shared<Definition>();
  if (Status status = Definition::Parse(definition, 0, parsed.get()); !status.ok()) return status;
  const bool shares_rows = std::any_of(parsed->outputs.begin(), parsed->outputs.end(), [](const Output& output) { return output.has_field_keys(); });
  if (shares_rows && impl_->shared->options.writers > 1) return {Code::kConfig, "key columns that are fields of the hash allow one writer"};
  std::unique_ptr<Sink> sink;
  PipelineOptions brief = impl_->shared->options;
  // The writers wait as long as they may; what is captured does not wait for this check.
  auto& timeout = brief.sink.statement_timeout;
  timeout = timeout.count() == 0 ? kCheckTimeout : std::min(timeout, kCheckTimeout);
  if (Status status = OpenSink(brief, &sink); !status.ok()) return status;
  *warnings = sink->Warnings();
  Plan plan;
  Status status = MakePlanOf(std::move(parsed), sink.get(), &plan, warnings);
  std::erase_if(*warnings, [this](const std::string& warning) { return !impl_->shared->definitions.IsNews(warning); });
  if (status.ok() && !impl_->shared->options.sink.exactly_once_table.empty()) {
    StreamId unused;
    const std::string probe = impl_->shared->options.name + "/check";
    status = sink->LoadCheckpoint(probe, &unused);
    if (status.ok()) sink->ForgetCheckpoint(probe);
  }
  sink->Close();
  return status;
}

Status Pipeline::Start() {
  const PipelineOptions& options = impl_->shared->options;
  if (options.name.empty()) return {Code::kConfig, "a pipeline needs a name"};
  if (options.writers < 1 || options.max_batch_rows < 1) return {Code::kConfig, "writers and max_batch start at 1"};
  if (options.lease < kLeastLease) return {Code::kConfig, "a lease has at least 200 ms"};
  impl_->Start();
  return Status::Ok();
}

bool Pipeline::Stop(std::chrono::milliseconds timeout) { return impl_->Stop(timeout); }

bool Pipeline::Wait(std::chrono::milliseconds timeout) {
  return impl_->threads.Await(std::chrono::steady_clock::now() + timeout);
}

const StatusBoard& Pipeline::board() const { return impl_->shared->board; }

std::chrono::milliseconds Pipeline::lag() const {
  const auto turn = impl_->current();
  const auto oldest = turn ? turn->Oldest() : std::nullopt;
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
