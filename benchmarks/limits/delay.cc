// A TCP relay that hands on every byte some milliseconds after it came: a network that is far, where the kernel has
// no netem. Runs until it is killed.
//
//   limit_delay LISTEN_PORT TARGET_PORT MILLISECONDS
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "person.h"

namespace limits {
namespace {

using Clock = std::chrono::steady_clock;

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// One direction of a connection: a thread that reads, and one that writes what is due.
class Direction {
 public:
  Direction(int from, int to, std::chrono::milliseconds delay) : from_(from), to_(to), delay_(delay) {}

  void Read() {
    std::array<char, 1U << 16U> buffer{};
    for (;;) {
      const ssize_t size = ::recv(from_, buffer.data(), buffer.size(), 0);
      const std::lock_guard lock(mutex_);
      waiting_.push_back({Clock::now() + delay_, std::string(buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0)});
      changed_.notify_one();
      if (size <= 0) return;
    }
  }

  void Write() {
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !waiting_.empty(); });
      const Piece piece = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      std::this_thread::sleep_until(piece.due);
      if (piece.bytes.empty()) {
        ::shutdown(to_, SHUT_WR);
        return;
      }
      for (std::size_t sent = 0; sent < piece.bytes.size();) {
        const ssize_t size = ::send(to_, piece.bytes.data() + sent, piece.bytes.size() - sent, MSG_NOSIGNAL);
        if (size <= 0) return;
        sent += static_cast<std::size_t>(size);
      }
    }
  }

 private:
  struct Piece {
    Clock::time_point due;
    std::string bytes;  // empty: the end
  };
  int from_;
  int to_;
  std::chrono::milliseconds delay_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Piece> waiting_;
};

void Relay(int client, int target_port, std::chrono::milliseconds delay) {
  const int server = ::socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = Loopback(target_port);
  if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    const int on = 1;
    for (const int fd : {client, server}) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    Direction there(client, server, delay);
    Direction back(server, client, std::chrono::milliseconds(0));
    std::array<std::thread, 3> threads{std::thread([&] { there.Read(); }), std::thread([&] { there.Write(); }),
                                       std::thread([&] { back.Read(); })};
    back.Write();
    for (std::thread& thread : threads) thread.join();
  }
  ::close(server);
  ::close(client);
}

void Main(int argc, char** argv) {
  const sockaddr_in address = Loopback(std::atoi(Argument(argc, argv, 1, "LISTEN_PORT")));
  const int target = std::atoi(Argument(argc, argv, 2, "TARGET_PORT"));
  const std::chrono::milliseconds delay(std::atoi(Argument(argc, argv, 3, "MILLISECONDS")));
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const bool listens = ::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 && ::listen(listener, 64) == 0;
  Require(listens, "can't listen");
  for (;;) {
    const int client = ::accept(listener, nullptr, nullptr);
    if (client >= 0) std::thread(Relay, client, target, delay).detach();
  }
}

}  // namespace
}  // namespace limits

int main(int argc, char** argv) {
  return limits::Run([&] { limits::Main(argc, argv); });
}
