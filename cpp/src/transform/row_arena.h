// Memory for the rows of one batch: their cells, and the texts that a cast had to write anew.
//
// Blocks never move, so views stay valid until Clear, which keeps the blocks for the next batch. One thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "writebehind/row.h"

namespace writebehind {

class RowArena {
 public:
  // `n` cells, each NULL.
  std::span<Cell> NewCells(std::size_t n) {
    std::span<Cell> cells(cells_.Take(n), n);
    std::fill(cells.begin(), cells.end(), Cell{});
    return cells;
  }

  // A copy of `text` that lives as long as the row.
  std::string_view Keep(std::string_view text) {
    if (text.empty()) return {};
    char* copy = Allocate(text.size());
    std::memcpy(copy, text.data(), text.size());
    return {copy, text.size()};
  }

  char* Allocate(std::size_t bytes) { return bytes_.Take(bytes); }

  void Clear() {
    cells_.Clear();
    bytes_.Clear();
  }

 private:
  template <typename T>
  class Blocks {
   public:
    T* Take(std::size_t n) {
      while (at_ < blocks_.size() && used_ + n > blocks_[at_].size) {
        ++at_;
        used_ = 0;
      }
      if (at_ == blocks_.size()) {
        const std::size_t size = std::max(n, kBlockBytes / sizeof(T));
        blocks_.push_back({std::make_unique<T[]>(size), size});
      }
      T* taken = blocks_[at_].data.get() + used_;
      used_ += n;
      return taken;
    }

    // Blocks made for one huge value are given back, so that it isn't held for ever.
    void Clear() {
      std::erase_if(blocks_, [](const Block& block) { return block.size > 4 * kBlockBytes / sizeof(T); });
      at_ = 0;
      used_ = 0;
    }

   private:
    static constexpr std::size_t kBlockBytes = 64U << 10U;
    struct Block {
      std::unique_ptr<T[]> data;
      std::size_t size;
    };
    std::vector<Block> blocks_;
    std::size_t at_ = 0;    // the block being filled
    std::size_t used_ = 0;  // of it
  };

  Blocks<Cell> cells_;
  Blocks<char> bytes_;
};

}  // namespace writebehind
