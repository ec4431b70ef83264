// A pipeline's lease in Redis, as one engine sees it: only who has it works, others stand by.
//
// It is kept over a connection of its own: where that ends, Redis knows that the engine did. An engine that hears
// nothing of Redis stops to write before its lease runs out there.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "stream/connection.h"
#include "util/stop.h"
#include "writebehind/options.h"
#include "writebehind/status.h"

namespace writebehind {

// Used by one thread, its keeper; what is said to be for any is thread-safe.
class Lease {
 public:
  explicit Lease(const PipelineOptions& options);
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  enum class Turn {
    kKept,      // it was ours, without a gap
    kTaken,     // it is ours now
    kAnothers,  // holder() says whose
  };

  // A new turn of work: nothing that was done under another token counts for it.
  void MakeToken();
  [[nodiscard]] const std::string& token() const { return token_; }

  // Takes it or keeps it.
  Status Ask(Turn* turn);
  // At once, for the next engine; best effort.
  void GiveUp();
  void Close() { redis_.Close(); }

  // Of the last Ask.
  [[nodiscard]] const std::string& holder() const { return holder_; }
  // The registration was there, and is gone though Redis is the same: somebody unregistered the pipeline.
  [[nodiscard]] bool IsUnregistered() const { return was_registered_ && !is_registered_; }

  // The last entry of the stream now, if there is one; and whether none up to `end` is left.
  Status LastEntry(std::optional<StreamId>* last);
  Status IsPassed(StreamId end, bool* is_passed);

  // Until Wake, trouble with the connection, or `limit`.
  void Await(std::chrono::milliseconds limit);

  // For any thread from here on.
  void Wake();
  // Every wait of the connection ends, from now on.
  void Interrupt() { redis_.Interrupt(); }
  // By the clock: it can't be another's yet.
  [[nodiscard]] bool IsHeld() const;
  // Returns when it is held; false: stopped.
  bool AwaitHeld(const Stop& stop) const;
  // Of the registration, as 16 hex digits; empty while it isn't known.
  [[nodiscard]] std::string origin() const;

  // How often it is asked for: by its holder, and by who stands by.
  [[nodiscard]] std::chrono::milliseconds beat() const { return limit_ / 8; }
  [[nodiscard]] std::chrono::milliseconds patrol() const { return limit_ / 16; }

 private:
  Status Send(Reply* reply, std::int64_t* sent_ms);

  const std::string pipeline_;
  const std::chrono::milliseconds limit_;
  RedisOptions redis_options_;
  const std::string engine_;  // <host>:<pid>
  Connection redis_;
  std::string token_;
  std::string holder_;
  bool was_registered_ = false;  // over this connection
  bool is_registered_ = false;
  std::atomic<std::int64_t> until_ms_{0};  // of the clock that also counts while the machine sleeps
  std::atomic<std::uint64_t> origin_{0};
  int wake_ = -1;  // an eventfd
};

}  // namespace writebehind
