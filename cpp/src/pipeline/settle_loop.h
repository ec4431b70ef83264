// The settler's thread: sends what workers settled, and once a second the engine's sign of life.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "ack/settler.h"
#include "pipeline/context.h"
#include "pipeline/retry.h"
#include "stream/connection.h"

namespace writebehind {

// Runs in one thread, but for Interrupt.
class SettleLoop {
 public:
  explicit SettleLoop(Context* context);

  // Until every worker has ended and all that they settled is sent, or `stop_all`.
  void Run();
  void Interrupt() { redis_.Interrupt(); }

 private:
  void Collect();
  [[nodiscard]] bool LanesEmpty() const;
  Status Open();
  Status Send();
  Status Beat();
  // What `status` is to say: the failure, or else that the database doesn't answer.
  std::string Message(const std::string& failure);
  // `hset` are the words of the command that was refused.
  Status BeatThoughFull(std::span<const std::string_view> hset);

  Context* context_;
  Settler settler_;
  Connection redis_;
  Retry retry_;
  std::chrono::steady_clock::time_point next_beat_;
  std::string started_ms_;
  std::string host_;
  bool asked_ = false;      // Redis said whether it is paused
  bool is_long_ = false;    // the database doesn't answer, and the log says so
  bool is_silent_ = false;  // nor does Redis take our word though it is full
};

}  // namespace writebehind
