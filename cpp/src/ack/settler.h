// Tells Redis what is committed: checkpoint, answers, trimming, in one command per batch.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ack/settlement.h"
#include "ack/tracker.h"
#include "writebehind/status.h"

namespace writebehind {

// How a command reaches Redis: appended, then its reply awaited. Kept apart from the connection so that
// this stage knows nothing of sockets.
class CommandLine {
 public:
  virtual ~CommandLine() = default;
  virtual void Append(std::span<const std::string_view> arguments) = 0;
  // The next reply is an integer or a status: Ok; an error reply: kTransient with its text.
  virtual Status Expect() = 0;
};

// Belongs to the settler's thread.
class Settler {
 public:
  Settler(std::string pipeline, Tracker* tracker) : pipeline_(std::move(pipeline)), tracker_(tracker) {}

  // Notes what is settled. Call once per settlement, before the first Send.
  void Add(std::unique_ptr<Settlement> settlement);

  // Sends all that was added; what Redis took is forgotten, the rest is sent again by the next call. To
  // send twice is harmless: an entry is answered only by whoever removes it.
  Status Send(CommandLine* redis);

  void Forget() { waiting_.clear(); }

  // Redis lost some of what it took. What was read up to `reading` is forgotten, also what is still added of
  // it: the entries that are there again will be read again.
  void ForgetReading(std::uint64_t reading);

  // The checkpoints that Redis took last, by field; of one identity.
  [[nodiscard]] const std::map<std::string, StreamId>& taken() const { return taken_; }

 private:
  void AppendCommand(std::span<const std::unique_ptr<Settlement>> settlements, bool is_last, CommandLine* redis) const;
  Status RemoveStrays(std::span<const std::unique_ptr<Settlement>> settlements, CommandLine* redis) const;
  void Taken(std::span<const std::unique_ptr<Settlement>> settlements);

  std::string pipeline_;
  Tracker* tracker_;
  std::vector<std::unique_ptr<Settlement>> waiting_;
  std::optional<std::uint64_t> forgotten_;  // the last reading that is
  std::uint64_t taken_of_ = 0;  // identity
  std::map<std::string, StreamId> taken_;
};

}  // namespace writebehind
