// Tells Redis what is committed: checkpoint, answers, trimming, in one command per batch.
#pragma once

#include <memory>
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

 private:
  void AppendCommand(std::span<const std::unique_ptr<Settlement>> settlements, bool is_last, CommandLine* redis) const;

  std::string pipeline_;
  Tracker* tracker_;
  std::vector<std::unique_ptr<Settlement>> waiting_;
};

}  // namespace writebehind
