// Every option of a running pipeline, with default, unit and the meaning of 0.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

#include "writebehind/sentinels.h"
#include "writebehind/sink.h"
#include "writebehind/tls.h"
#include "writebehind/transformer.h"

namespace writebehind {

struct RedisOptions {
  std::string host = "127.0.0.1";
  int port = 6379;
  std::string unix_socket;  // a path; not empty: instead of host and port
  SentinelOptions sentinels;  // with addresses: instead of host and port; TLS is to them too
  int db = 0;
  std::string user;      // empty: the default user
  std::string password;  // user and password empty: no AUTH
  TlsOptions tls;        // not with a unix_socket
  std::chrono::milliseconds connect_timeout{5000};  // with the TLS handshake
  std::chrono::milliseconds reply_timeout{30000};  // of each command, on top of the time it blocks
};

struct PipelineOptions {
  std::string name;
  std::string definition;  // its JSON: registered again if Redis comes back without it
  RedisOptions redis;
  SinkOptions sink;
  // Called before each connect to the target, to put fresh credentials into a copy of `sink`; empty: none.
  std::function<Status(SinkOptions*)> credentials;

  Transformer transformer;  // of the recipe's own; empty: none

  std::size_t batch = 100;                     // rows that end a busy writer's wait for more
  std::chrono::milliseconds duration{100};     // and the time that does; 0: never wait
  std::size_t max_batch_rows = 5000;           // at least 1
  std::size_t max_batch_bytes = 8U << 20U;     // a single larger row still passes
  std::size_t writers = 1;                     // each with its own connection and checkpoint
  std::chrono::milliseconds retry_interval{5000};  // the longest wait between two tries
  std::chrono::milliseconds constraint_grace{30000};  // a foreign key's other row is waited for; 0: not at all
  bool stop_on_reject = false;                 // halt instead of rejecting a change
  std::chrono::milliseconds lease{8000};       // a silent engine's pipeline is another's after that
  std::size_t wait_replicas = 0;               // that must have a batch before it is committed; 0: none
  bool wait_aof = false;                       // the AOF must have it, and those of wait_replicas replicas
  bool once = false;                           // end when what was there at the start is settled
};

}  // namespace writebehind
