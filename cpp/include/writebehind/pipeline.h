// A running pipeline: from its change stream to its target, until it is stopped.
//
// Of several engines on a pipeline one works, the others stand by. Threads: a keeper (of the lease in Redis that says which
// one), and while this one works a feeder (reads and decodes), `writers` workers (map, coalesce, write), a settler
// (answers, checkpoints, trims). They meet in queues; cpp/README.md draws the path.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "writebehind/metrics.h"
#include "writebehind/options.h"
#include "writebehind/status.h"

namespace writebehind {

// Thread-safe.
class Pipeline {
 public:
  explicit Pipeline(PipelineOptions options);
  ~Pipeline();  // stops, as Stop(5 s); what still hangs in a driver call is left to the process's end
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // Opens the target once and compares the definition with its catalog. kConfig: what is wrong;
  // kNotConnected: not reachable now, Start would go on trying.
  Status Check(const std::string& definition, std::vector<std::string>* warnings);

  // Starts the threads; returns at once. Once per object.
  Status Start();

  // Ends reading, lets batches under way finish and settles them. What is not committed when `timeout` is
  // over stays in the stream. False: a driver call still hangs.
  bool Stop(std::chrono::milliseconds timeout);

  // True once all threads have ended: drained (`once`), halted, unregistered or stopped.
  bool Wait(std::chrono::milliseconds timeout);

  [[nodiscard]] const StatusBoard& board() const;

  // Age of the oldest change that waits in the engine; 0: none.
  [[nodiscard]] std::chrono::milliseconds lag() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

// The statements that a batch under this definition runs; connects to the target for the types.
Status Explain(const SinkOptions& sink, const std::string& definition, std::vector<std::string>* statements);

}  // namespace writebehind
