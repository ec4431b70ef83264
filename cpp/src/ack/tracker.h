// Knows how far the stream may be trimmed: up to the oldest entry that some writer has not settled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "writebehind/parcel.h"

namespace writebehind {

// Everything below `id` in the stream of `identity` is settled.
struct Watermark {
  std::uint64_t identity = 0;
  StreamId id;
};

// Thread-safe: the reader adds, the settler settles. Parcels are kept in the order of reading, not of IDs:
// after a flush a new stream may start at lower ones.
class Tracker {
 public:
  void Add(std::shared_ptr<Ticket> ticket) {
    std::lock_guard lock(mutex_);
    tickets_.push_back(std::move(ticket));
  }

  // `is_given_back`: nothing was decided about it, so nothing more counts as passed until reading begins anew.
  void Settle(const Holding& holding, bool is_given_back = false) {
    std::lock_guard lock(mutex_);
    has_gap_ = has_gap_ || is_given_back;
    holding.parcel->ticket->unsettled -= holding.records;
    while (!tickets_.empty() && tickets_.front()->unsettled == 0) {
      if (!has_gap_) passed_ = {tickets_.front()->identity, tickets_.front()->last};
      tickets_.pop_front();
    }
  }

  // Reading begins anew: what was passed may be there again.
  // REQUIRES: nothing waits.
  void Restart() {
    std::lock_guard lock(mutex_);
    passed_.reset();
    has_gap_ = false;
  }

  // Nothing yet: no parcel was settled whole.
  [[nodiscard]] std::optional<Watermark> Passed() const {
    std::lock_guard lock(mutex_);
    if (!passed_) return std::nullopt;
    return Watermark{passed_->identity, passed_->id.Next()};
  }

  // The oldest entry that waits in the engine.
  [[nodiscard]] std::optional<StreamId> Oldest() const {
    std::lock_guard lock(mutex_);
    if (tickets_.empty()) return std::nullopt;
    return tickets_.front()->first;
  }

 private:
  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<Ticket>> tickets_;
  std::optional<Watermark> passed_;
  bool has_gap_ = false;  // something was given back
};

}  // namespace writebehind
