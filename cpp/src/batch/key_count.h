// Counts the different keys of a batch, as fast as it can: by their hashes, in a table that keeps its memory.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace writebehind {

// Two keys of one 64-bit hash count as one: a batch may then have a row more than it should.
class KeyCount {
 public:
  // For up to `keys` of them.
  explicit KeyCount(std::size_t keys) : slots_(std::bit_ceil(2 * keys + 2)) {}

  void Clear() {
    if (count_ > 0) slots_.assign(slots_.size(), 0);
    count_ = 0;
  }
  [[nodiscard]] std::size_t count() const { return count_; }

  // False: it was there.
  // REQUIRES: fewer than `keys` are there, or the key is.
  bool Add(std::string_view key) {
    const std::uint64_t hash = Hash(key);
    std::uint64_t& slot = slots_[Find(hash)];
    if (slot != 0) return false;
    slot = hash;
    ++count_;
    return true;
  }
  [[nodiscard]] bool Has(std::string_view key) const { return slots_[Find(Hash(key))] != 0; }

 private:
  static std::uint64_t Hash(std::string_view key) {
    const std::uint64_t hash = std::hash<std::string_view>{}(key);
    return hash == 0 ? 1 : hash;  // 0 is an empty slot
  }
  // Where it is, or would be.
  [[nodiscard]] std::size_t Find(std::uint64_t hash) const {
    std::size_t at = hash & (slots_.size() - 1);
    while (slots_[at] != 0 && slots_[at] != hash) at = (at + 1) & (slots_.size() - 1);
    return at;
  }

  std::vector<std::uint64_t> slots_;
  std::size_t count_ = 0;
};

}  // namespace writebehind
