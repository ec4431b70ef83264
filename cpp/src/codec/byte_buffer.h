// Bytes that are appended to one another, in memory that is kept from one use to the next. Capture runs in
// Redis's one thread with every change: that it does less than std::string for each byte counts there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace writebehind {

// Writes an unsigned LEB128, and returns the place behind it: at most kMostVarint bytes.
inline constexpr std::size_t kMostVarint = 10;
inline char* PutVarint(std::uint64_t value, char* at) {
  for (; value >= 0x80U; value >>= 7U) *at++ = static_cast<char>((value & 0x7FU) | 0x80U);
  *at++ = static_cast<char>(value);
  return at;
}

class ByteBuffer {
 public:
  // One huge entry's memory is not held for ever.
  void Clear() {
    if (capacity_ > kKept) {
      bytes_.reset();
      capacity_ = 0;
    }
    size_ = 0;
  }

  void Byte(char byte) {
    Reserve(1);
    bytes_[size_++] = byte;
  }

  void Append(std::string_view bytes) {
    if (bytes.empty()) return;
    Reserve(bytes.size());
    std::memcpy(bytes_.get() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }

  // Little endian.
  void Fixed64(std::uint64_t value) {
    Reserve(8);
    for (unsigned shift = 0; shift < 64; shift += 8) bytes_[size_++] = static_cast<char>(value >> shift & 0xFFU);
  }

  void Varint(std::uint64_t value) {
    Reserve(kMostVarint);
    size_ = static_cast<std::size_t>(PutVarint(value, bytes_.get() + size_) - bytes_.get());
  }

  // `bytes` of the grammar: their length before them.
  void Bytes(std::string_view bytes) {
    Varint(bytes.size());
    Append(bytes);
  }

  [[nodiscard]] std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  static constexpr std::size_t kKept = std::size_t{1} << 20U;

  void Reserve(std::size_t more) {
    if (size_ + more > capacity_) Grow(size_ + more);
  }
  void Grow(std::size_t least) {
    const std::size_t capacity = least < 256 ? 512 : 2 * least;
    auto bytes = std::make_unique<char[]>(capacity);
    if (size_ > 0) std::memcpy(bytes.get(), bytes_.get(), size_);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace writebehind
