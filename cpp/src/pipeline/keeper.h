// The keeper's thread: stands by until the pipeline's lease is this engine's, keeps it through a turn of work, and ends
// the turn where it is lost.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "pipeline/context.h"
#include "pipeline/retry.h"
#include "pipeline/turn.h"

namespace writebehind {

// Runs in one thread.
class Keeper {
 public:
  explicit Keeper(Shared* shared);

  // Until the pipeline is stopped, or a turn ends by itself. `begin` starts a turn, or gives null where it is too late;
  // `end` lets it go.
  void Run(const std::function<std::shared_ptr<Turn>()>& begin, const std::function<void()>& end);

 private:
  bool Take();
  bool StandsBy();
  Status IsDone(bool* is_done);
  bool Hold(Turn* turn);

  Shared* shared_;
  Lease& lease_;
  Retry retry_;
  std::string standing_by_for_;    // empty: it is not
  std::optional<StreamId> until_;  // with `once`: the last entry when it began to stand by
  bool found_until_ = false;
};

}  // namespace writebehind
