// Reads the change stream from a cursor onwards; it never trims and never acknowledges.
//
// The stream is its own cursor: what is still in it is not settled, so reading starts at its beginning.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "stream/connection.h"
#include "writebehind/status.h"

namespace writebehind {

// Belongs to one thread, but for Interrupt of its connection.
class StreamReader {
 public:
  explicit StreamReader(const std::string& pipeline);

  [[nodiscard]] Connection& connection() { return connection_; }

  // The next entries behind the cursor: at most `rows` and `bytes`, at least one if there is one. Waits up
  // to `wait` for the first; empty when none came. Error replies are kTransient.
  Status Read(std::size_t rows, std::size_t bytes, std::chrono::milliseconds wait, Entries* entries);

  // Moves the cursor behind `id`, which was read from a stream of `identity`. In a stream that never had
  // that identity (it was flushed) the next Read starts at the beginning.
  void Advance(std::uint64_t identity, StreamId id);

  // Moves the cursor to the beginning of the stream.
  void Rewind();

 private:
  std::string pipeline_;
  std::string key_;
  StreamId position_;
  std::string after_ = "0-0";
  Connection connection_;
};

// 64 bits as 16 hex digits, as keys and commands spell an identity.
std::string IdentityText(std::uint64_t identity);

}  // namespace writebehind
