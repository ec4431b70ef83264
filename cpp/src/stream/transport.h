// How bytes pass over a socket: as they are, or inside TLS.
//
// No call waits: each says what it would wait for, and the Connection waits, so that its timeouts and
// Interrupt hold in a handshake too. The socket is the Connection's and outlives the transport. Not
// thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "writebehind/options.h"
#include "writebehind/status.h"

namespace writebehind {

// What a call came to. After kEnd and kFailed the connection is of no use any more.
struct Progress {
  enum class State {
    kDone,
    kWantRead,   // again when the socket can be read; a write may want that too (TLS)
    kWantWrite,  // again when it can be written
    kEnd,        // the server closed the connection
    kFailed,     // `failure` says why, without naming the server
  };
  State state = State::kDone;
  std::size_t bytes = 0;  // read or written, with kDone at least one
  Status failure;
};

class Transport {
 public:
  virtual ~Transport() = default;

  // To be called until it is kDone, before anything is read or written.
  virtual Progress Handshake() = 0;
  virtual Progress Read(char* to, std::size_t size) = 0;
  // REQUIRES: bytes not empty; after kWant… the same bytes again.
  virtual Progress Write(std::string_view bytes) = 0;

  // What it may mean that a server goes away, or is silent, before its first reply: kConfig with a message
  // where that is sure, else kNotConnected, with a hint or without.
  [[nodiscard]] virtual Status NoReply(bool is_silent) const = 0;
};

std::unique_ptr<Transport> MakePlainTransport(int fd);

// stream/tls.cc. `host` is the name or address that the certificate must be for. kConfig: a file of `options`
// can't be used.
Status MakeTlsTransport(int fd, const TlsOptions& options, const std::string& host,
                        std::unique_ptr<Transport>* transport);

std::string ErrnoText(int number);

}  // namespace writebehind
