#include "proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace writebehind::test {
namespace {

sockaddr_in Address(const std::string& host, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  return address;
}

bool SendAll(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace

Proxy::Proxy(std::string host, int port) : host_(std::move(host)), server_port_(port) {
  listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = Address("127.0.0.1", 0);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 8) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("no port for a proxy");
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

Proxy::~Proxy() {
  ended_ = true;
  acceptor_.join();
  for (std::thread& carrier : carriers_) carrier.join();
  ::close(listener_);
}

void Proxy::LoseAt(std::string mark, Loss loss) {
  const std::lock_guard lock(mutex_);
  mark_ = std::move(mark);
  loss_ = loss;
}

void Proxy::Accept() {
  while (!ended_) {
    pollfd waiting{listener_, POLLIN, 0};
    if (::poll(&waiting, 1, 20) <= 0) continue;
    const int client = ::accept(listener_, nullptr, nullptr);
    const int server = ::socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = Address(host_, server_port_);
    if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      ::close(client);
      ::close(server);
      continue;
    }
    carriers_.emplace_back([this, client, server] { Carry(client, server); });
  }
}

void Proxy::Carry(int client, int server) {
  std::array<char, 65536> buffer{};
  std::string before;  // the end of what came before: a mark may lie across two reads
  bool silent = false;
  while (!ended_) {
    std::array<pollfd, 2> waiting = {{{client, POLLIN, 0}, {server, POLLIN, 0}}};
    if (::poll(waiting.data(), 2, 20) <= 0 || silent) {
      if (silent) std::this_thread::sleep_for(std::chrono::milliseconds(20));
      continue;
    }
    const bool from_client = waiting[0].revents != 0;
    const ssize_t got = ::recv(from_client ? client : server, buffer.data(), buffer.size(), 0);
    if (got <= 0) break;
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
    bool lose = false;
    if (from_client) {
      const std::lock_guard lock(mutex_);
      if (mark_.empty()) before.clear();
      before.append(bytes);
      lose = !mark_.empty() && before.find(mark_) != std::string::npos;
      if (lose) mark_.clear();
      if (mark_.empty()) before.clear();
      if (before.size() > 100) before.erase(0, before.size() - 100);
    }
    if (lose && loss_ == Loss::kSilence) {
      silent = true;
      continue;
    }
    if (lose && loss_ == Loss::kRequest) break;
    if (!SendAll(from_client ? server : client, bytes)) break;
    if (lose) {
      std::this_thread::sleep_for(std::chrono::milliseconds(300));  // the server works meanwhile
      break;
    }
  }
  ::close(client);
  ::close(server);
}

}  // namespace writebehind::test
