// A connection to Redis: our own socket with timeouts and a way to wake it, plain or inside TLS, and hiredis for
// the protocol.
//
// hiredis's reader is fed from our transport instead of hiredis's own: every wait is in Wait, also TLS's.
// Not thread-safe but for Interrupt.
// Source: https://github.com/redis/hiredis#reply-parsing-api
#pragma once

#include <hiredis/hiredis.h>

#include <chrono>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stream/transport.h"
#include "writebehind/options.h"
#include "writebehind/status.h"
#include "writebehind/stream_id.h"

namespace writebehind {

struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

inline std::string_view Text(const redisReply& reply) { return {reply.str, reply.len}; }

// One raw stream entry: its ID and the packed value; the bytes belong to the Entries it is in.
struct Entry {
  StreamId id;
  std::string_view packed;
};

// The reply of WB.READ. Bytes lie in blocks that never move.
class Entries {
 public:
  std::vector<Entry> all;
  std::size_t bytes = 0;

  // Room for `size` bytes that live as long as this object.
  char* Allocate(std::size_t size);

 private:
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t used_ = 0;
  std::size_t capacity_ = 0;
};

// What to do about a Sentinel's refusal.
inline constexpr char kSentinelLogin[] = "sentinel_username and sentinel_password of the Redis URL are the Sentinels' own login";

class Connection {
 public:
  Connection();
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Connects, to the master where Sentinels name it, signs in, selects the database. kConfig: refused by what
  // only a person can mend, a certificate for one. No message holds the password.
  Status Open(const RedisOptions& options);
  [[nodiscard]] bool open() const { return fd_ >= 0; }
  void Close();
  // For poll: it becomes readable when the server closes it. -1: not open.
  [[nodiscard]] int fd() const { return fd_; }

  // Queues a command; Flush or the next Receive sends what is queued, in one write where it fits.
  void Append(std::span<const std::string_view> arguments);
  void Append(std::initializer_list<std::string_view> arguments) {
    Append(std::span<const std::string_view>(arguments.begin(), arguments.size()));
  }

  // The next reply. An error reply is a reply, not a failure of this call, but for that of a master which has
  // become a replica: whoever has a connection wants the master. After any failure the connection is closed. `blocks` is how long the server may keep the answer by the command's own words.
  Status Receive(Reply* reply, std::chrono::milliseconds blocks = {});

  // The next reply, which must be WB.READ's. An error reply is kTransient with its text.
  Status Receive(Entries* entries);

  // One round trip; an error reply is kTransient with its text.
  Status Command(std::span<const std::string_view> arguments, Reply* reply);
  Status Command(std::initializer_list<std::string_view> arguments, Reply* reply) {
    return Command(std::span<const std::string_view>(arguments.begin(), arguments.size()), reply);
  }

  // From any thread: every wait of this connection ends with kStopped, from now on.
  void Interrupt();

 private:
  struct FreeReader {
    void operator()(redisReader* reader) const { redisReaderFree(reader); }
  };

  Status OpenServer(const RedisOptions& options);
  Status Link(const RedisOptions& options);
  Status Connect(std::chrono::steady_clock::time_point deadline);
  Status Handshake(std::chrono::steady_clock::time_point deadline);
  Status LogIn();
  Status Select();

  // sentinel.cc
  Status OpenMaster(const RedisOptions& options);
  Status AskSentinel(const RedisOptions& options, std::size_t which, RedisOptions* master);
  Status RequireMaster();

  Status Flush(std::chrono::steady_clock::time_point deadline);
  Status Wait(short events, std::chrono::steady_clock::time_point deadline);
  Status Fill(std::chrono::steady_clock::time_point deadline);
  Status Parse(void** reply, std::chrono::milliseconds blocks);
  Status Proceed(const Progress& progress, std::chrono::steady_clock::time_point deadline);
  Status Lost(const std::string& what);
  Status Lost(const Status& why, bool is_silent = false);
  [[nodiscard]] std::string Where() const;

  RedisOptions options_;  // of the server that this is connected to, or was last
  const char* server_ = "Redis";  // or "Sentinel"
  std::size_t sentinel_ = 0;      // the one that knew the master last
  int fd_ = -1;
  int wake_ = -1;  // an eventfd, never read: once written, always ready
  std::unique_ptr<Transport> transport_;  // null while not connected
  bool answered_ = false;                 // something came since the connect
  std::string out_;
  std::vector<char> in_;
  std::unique_ptr<redisReader, FreeReader> reader_;
  redisReplyObjectFunctions* plain_ = nullptr;  // hiredis's own reply objects
};

}  // namespace writebehind
