// The rows that every program here writes, and the loader of the hashes that become the same rows.
//
//   person:<i>  first "first <i>"  last "last <round>"  age <i mod 90>
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace limits {

struct Person {
  std::int64_t id;
  std::string first;
  std::string last;
  std::int32_t age;
};

inline Person MakePerson(std::int64_t i, int round) {
  return {i, "first " + std::to_string(i), "last " + std::to_string(round), static_cast<std::int32_t>(i % 90)};
}

constexpr std::size_t kBatch = 5000;  // rows of a transaction: writebehind's own `max_batch`

class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
  }

 private:
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

inline void Require(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error(what);
}

// One line, read by benchmarks/limits.py.
inline void Report(std::size_t count, double seconds) { std::printf("%zu %.6f\n", count, seconds); }

// argv[i], which the usage calls `name`.
inline const char* Argument(int argc, char** argv, int i, const char* name) {
  Require(i < argc, std::string("missing argument: ") + name);
  return argv[i];
}

template <typename Main>
int Run(const Main& body) {
  try {
    body();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}

}  // namespace limits
