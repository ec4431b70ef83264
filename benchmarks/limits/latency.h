// Clients that do one thing at a given rate, and how long it took each of them.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "person.h"

namespace limits {

// One connection of one thread.
class Client {
 public:
  virtual ~Client() = default;
  // The thing that is timed; `i` differs in every call of every client.
  virtual void Do(std::int64_t i) = 0;
};

struct Load {
  int clients;
  double rate;     // calls a second, of all clients together; 0: each calls as soon as the last one ended
  double seconds;
};

// Prints the median and the 99th percentile in milliseconds, and the calls made in a second. A call that comes late
// because the one before it took long is timed from when it was due.
inline void Measure(const Load& load, const std::function<std::unique_ptr<Client>()>& connect) {
  using Clock = std::chrono::steady_clock;
  std::mutex mutex;
  std::vector<double> all;
  std::atomic<std::int64_t> next{0};
  std::atomic<bool> failed{false};
  std::string error;
  std::vector<std::thread> threads;
  const auto begin = Clock::now() + std::chrono::milliseconds(300);  // all are connected by then
  const auto end = begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(load.seconds));
  for (int c = 0; c < load.clients; ++c) {
    threads.emplace_back([&, c] {
      try {
        const auto client = connect();
        client->Do(next++);  // what only a first call costs
        const std::chrono::duration<double> pace(load.rate > 0 ? load.clients / load.rate : 0);
        auto due = begin + std::chrono::duration_cast<Clock::duration>(pace * c / load.clients);
        std::vector<double> mine;
        for (; due < end && !failed; ) {
          std::this_thread::sleep_until(due);
          if (load.rate <= 0) due = Clock::now();
          client->Do(next++);
          mine.push_back(std::chrono::duration<double, std::milli>(Clock::now() - due).count());
          due = load.rate > 0 ? due + std::chrono::duration_cast<Clock::duration>(pace) : Clock::now();
        }
        const std::lock_guard lock(mutex);
        all.insert(all.end(), mine.begin(), mine.end());
      } catch (const std::exception& thrown) {
        const std::lock_guard lock(mutex);
        error = thrown.what();
        failed = true;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Require(!failed, error);
  Require(!all.empty(), "nothing was measured");
  std::sort(all.begin(), all.end());
  const auto at = [&](double part) { return all[static_cast<std::size_t>(part * static_cast<double>(all.size() - 1))]; };
  std::printf("%.4f %.4f %.1f\n", at(0.5), at(0.99), static_cast<double>(all.size()) / load.seconds);
}

inline Load ParseLoad(int argc, char** argv, int first) {
  return {std::atoi(Argument(argc, argv, first, "CLIENTS")), std::atof(Argument(argc, argv, first + 1, "RATE")),
          std::atof(Argument(argc, argv, first + 2, "SECONDS"))};
}

}  // namespace limits
