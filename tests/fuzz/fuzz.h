// What the fuzz programs share: cutting an input into pieces, and failing loudly.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#define WB_REQUIRE(condition)                                                     \
  do {                                                                            \
    if (!(condition)) {                                                           \
      std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                               \
    }                                                                             \
  } while (false)

namespace fuzz {

// An input's bytes, taken from its front. Views point into the input, whose end the sanitizer watches.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : left_(reinterpret_cast<const char*>(data), size) {}

  std::uint8_t Byte() {
    if (left_.empty()) return 0;
    const auto byte = static_cast<std::uint8_t>(left_.front());
    left_.remove_prefix(1);
    return byte;
  }
  bool Bit() { return (Byte() & 1U) != 0; }
  // As many bytes as the first one says, where there are so many.
  std::string_view Piece() {
    const std::size_t length = Byte();
    const std::string_view piece = left_.substr(0, length);
    left_.remove_prefix(piece.size());
    return piece;
  }
  [[nodiscard]] std::string_view Rest() const { return left_; }
  [[nodiscard]] bool empty() const { return left_.empty(); }

 private:
  std::string_view left_;
};

// Reads each byte, so that a view that leaves the input is found.
inline unsigned Touch(std::string_view bytes) {
  unsigned sum = 0;
  for (const char byte : bytes) sum = sum * 31U + static_cast<unsigned char>(byte);
  return sum;
}

}  // namespace fuzz
