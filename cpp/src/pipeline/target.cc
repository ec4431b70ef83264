#include "pipeline/target.h"

#include <fmt/format.h>

#include <algorithm>

#include "transform/mapping.h"
#include "util/log.h"

namespace writebehind {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kCatalogAge{10};
constexpr int kCatalogShare = 100;  // reading it takes no more than one part in so many of the time

Clock::time_point NextReading(Clock::time_point began) {
  const auto now = Clock::now();
  return now + std::max<Clock::duration>(kCatalogAge, (now - began) * kCatalogShare);
}

}  // namespace

Status OpenSink(const PipelineOptions& options, std::unique_ptr<Sink>* sink) {
  SinkOptions fresh = options.sink;
  if (options.credentials) {
    if (Status status = options.credentials(&fresh); !status.ok()) return status;
  }
  if (Status status = MakeSink(fresh, sink); !status.ok()) return status;
  return (*sink)->Open();
}

Status MakePlanOf(std::shared_ptr<const Definition> definition, Sink* sink, Plan* plan, std::vector<std::string>* warnings) {
  if (definition->outputs.size() != 1) return {Code::kConfig, "a definition has one output in this version"};
  plan->definition = std::move(definition);
  plan->output = &plan->definition->outputs.front();
  if (Status status = sink->Describe(plan->output->table, &plan->catalog); !status.ok()) return status;
  return MakePlan(*plan->output, plan->catalog, &plan->table, warnings);
}

Target::Target(const PipelineOptions& options, std::size_t writer, std::size_t writers, const Definitions* definitions)
    : options_(options), writer_(writer), writers_(writers), definitions_(definitions) {}

Status Target::Connect(const std::string& origin, const std::string& token) {
  std::unique_ptr<Sink> sink;
  if (Status status = OpenSink(options_, &sink); !status.ok()) return status;
  {
    std::lock_guard lock(sink_mutex_);
    sink_ = std::move(sink);
  }
  Status status = sink_->TakeFence({fmt::format("{}/{}/0", origin, options_.name), token, writer_, writers_});
  if (!status.ok()) Disconnect();
  return status;
}

void Target::Disconnect() {
  ForgetPlans();
  std::unique_ptr<Sink> old;
  {
    std::lock_guard lock(sink_mutex_);
    old = std::move(sink_);
  }
  if (old) old->Close();
}

void Target::Cancel() noexcept {
  std::lock_guard lock(sink_mutex_);
  if (sink_) sink_->Cancel();
}

Status Target::PlanFor(std::uint32_t definition, const Plan** plan) {
  *plan = nullptr;
  if (const std::uint64_t now = definitions_->generation(); now != generation_) {
    plans_.clear();
    generation_ = now;
  }
  const auto began = Clock::now();
  if (const auto known = plans_.find(definition); known != plans_.end()) {
    bool changed = false;
    if (began >= known->second.due) {
      if (Status status = CatalogChanged(definition, &changed); !status.ok()) return status;
    }
    if (!changed) {
      if (began >= known->second.due) known->second.due = NextReading(began);
      *plan = &known->second;
      return Status::Ok();
    }
  }
  auto found = definitions_->Find(definition);
  if (!found) return Status::Ok();
  Plan made;
  std::vector<std::string> warnings;
  if (Status status = MakePlanOf(std::move(found), sink_.get(), &made, &warnings); !status.ok()) return status;
  for (const std::string& warning : warnings) {
    if (definitions_->IsNews(warning)) Log(LogLevel::kWarning, options_.name, warning);
  }
  made.due = NextReading(began);
  *plan = &plans_.emplace(definition, std::move(made)).first->second;
  return Status::Ok();
}

Status Target::CatalogChanged(std::uint32_t definition, bool* changed) {
  *changed = false;
  const auto known = plans_.find(definition);
  if (known == plans_.end()) return Status::Ok();
  Catalog now;
  if (Status status = sink_->Describe(known->second.output->table, &now); !status.ok()) return status;
  *changed = !(now == known->second.catalog);
  if (*changed) plans_.erase(known);
  return Status::Ok();
}

std::string Target::CheckpointField(std::uint64_t identity) const {
  return fmt::format("{}{}of{}", CheckpointPrefix(identity), writer_, writers_);
}

std::string Target::CheckpointPrefix(std::uint64_t identity) const { return fmt::format("0/{:016x}/", identity); }

Status Target::PositionOf(const std::string& field, StreamId* position) { return sink_->LoadCheckpoint(options_.name + '/' + field, position); }

void Target::ForgetPositionsOf(std::uint64_t identity, std::size_t writers) {
  for (std::size_t writer = 1; writer <= writers; ++writer) {
    sink_->ForgetCheckpoint(fmt::format("{}/{}{}of{}", options_.name, CheckpointPrefix(identity), writer, writers));
  }
}

Status Target::Position(std::uint64_t identity, StreamId* position) {
  if (const auto known = positions_.find(identity); known != positions_.end()) {
    *position = known->second;
    return Status::Ok();
  }
  *position = {};
  if (exactly_once()) {
    if (Status status = sink_->LoadCheckpoint(options_.name + '/' + CheckpointField(identity), position); !status.ok()) return status;
  }
  positions_[identity] = *position;
  return Status::Ok();
}

WriteResult Target::Write(const TablePlan& plan, std::span<const Row> rows, std::span<const Record* const> records, std::uint64_t identity,
                          StreamId to) {
  StreamId& position = positions_[identity];
  const bool moves = exactly_once() && to > position;
  if (rows.empty() && !moves) return {};
  const CheckpointMove move{options_.name + '/' + CheckpointField(identity), position, to};
  WriteResult result = sink_->Write({plan, rows, moves ? &move : nullptr, records, definitions_->origin()});
  if (result.status.ok()) position = std::max(position, to);
  return result;
}

}  // namespace writebehind
