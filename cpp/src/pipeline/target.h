// One writer's end of the target: its sink, the plan of each definition, its checkpoint positions.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "pipeline/definitions.h"
#include "writebehind/options.h"
#include "writebehind/row.h"
#include "writebehind/sink.h"

namespace writebehind {

// What records of one definition are written with. Immutable.
struct Plan {
  std::shared_ptr<const Definition> definition;
  const Output* output = nullptr;  // of `definition`
  Catalog catalog;
  TablePlan table;
  std::chrono::steady_clock::time_point due{};  // when the catalog is to be read again
};

// Belongs to one worker; Cancel is for any thread.
class Target {
 public:
  // `writer` counts from 1, up to `writers`.
  Target(const PipelineOptions& options, std::size_t writer, std::size_t writers, const Definitions* definitions);

  // Connects, and keeps other engines' sessions from writing, under this token. `origin`: of the registration.
  Status Connect(const std::string& origin, const std::string& token);
  [[nodiscard]] bool connected() const { return sink_ != nullptr; }
  void Disconnect();
  void Cancel() noexcept;

  // The plan of a definition, made from the catalog the first time, and anew where the catalog, which is read again
  // from time to time, has changed: a database may round what no longer fits, and says nothing. *plan is null where
  // the registry doesn't know the definition. It stays valid until the next PlanFor, Disconnect, Forget or
  // CatalogChanged.
  Status PlanFor(std::uint32_t definition, const Plan** plan);
  // Reads the catalog again; true, and the plan is made anew by the next PlanFor, if it differs.
  Status CatalogChanged(std::uint32_t definition, bool* changed);
  void ForgetPlans() { plans_.clear(); }

  // The last entry of `identity` that this writer has committed, as the target knows it; without an
  // exactly-once table, as far as this process knows.
  Status Position(std::uint64_t identity, StreamId* position);
  void ForgetPositions() { positions_.clear(); }

  [[nodiscard]] bool MovesRows() const { return sink_->MovesRows(); }
  // Writes rows and, with an exactly-once table, moves the checkpoint to `to`.
  WriteResult Write(const TablePlan& plan, std::span<const Row> rows, std::span<const Record* const> records, std::uint64_t identity,
                    StreamId to);

  // <output>/<identity>/<writer>of<writers>, and what stands before <writer>
  [[nodiscard]] std::string CheckpointField(std::uint64_t identity) const;
  [[nodiscard]] std::string CheckpointPrefix(std::uint64_t identity) const;
  // What the target knows of another writer's field. REQUIRES: exactly_once().
  Status PositionOf(const std::string& field, StreamId* position);
  // Removes those of an engine of so many writers; best effort.
  void ForgetPositionsOf(std::uint64_t identity, std::size_t writers);
  [[nodiscard]] bool exactly_once() const { return !options_.sink.exactly_once_table.empty(); }

 private:
  const PipelineOptions& options_;
  std::size_t writer_;
  std::size_t writers_;
  const Definitions* definitions_;
  std::mutex sink_mutex_;  // only for Cancel: guards sink_ against being replaced
  std::unique_ptr<Sink> sink_;
  std::map<std::uint32_t, Plan> plans_;
  std::uint64_t generation_ = 0;  // of the definitions that plans_ were made of
  std::map<std::uint64_t, StreamId> positions_;
};

// Makes a sink with fresh credentials and opens it.
Status OpenSink(const PipelineOptions& options, std::unique_ptr<Sink>* sink);

// Reads the catalog and builds the plan of a definition's only output.
Status MakePlanOf(std::shared_ptr<const Definition> definition, Sink* sink, Plan* plan, std::vector<std::string>* warnings);

}  // namespace writebehind
