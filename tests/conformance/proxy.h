// A TCP proxy that loses a server's answer, or the request itself, at a chosen moment.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace writebehind::test {

class Proxy {
 public:
  enum class Loss {
    kAnswer,   // the server gets the bytes with the mark, its answer is lost
    kRequest,  // the server never gets them
    kSilence,  // both stay connected, nothing passes any more
  };

  Proxy(std::string host, int port);
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;
  ~Proxy();

  [[nodiscard]] int port() const { return port_; }

  // Once: when the client sends bytes that hold `mark`, the connection breaks in this way.
  void LoseAt(std::string mark, Loss loss);

 private:
  void Accept();
  void Carry(int client, int server);

  const std::string host_;
  const int server_port_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> ended_{false};
  std::mutex mutex_;
  std::string mark_;  // empty: nothing is lost
  Loss loss_ = Loss::kAnswer;
  std::thread acceptor_;
  std::vector<std::thread> carriers_;
};

}  // namespace writebehind::test
