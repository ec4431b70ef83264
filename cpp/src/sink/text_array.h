// Cells → the text form of PostgreSQL's arrays: {"a","b",NULL}.
// Source: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
#pragma once

#include <string>
#include <string_view>

#include "writebehind/catalog.h"
#include "writebehind/row.h"

namespace writebehind {

// Writes into a string that the caller keeps from batch to batch, for its memory.
class TextArray {
 public:
  explicit TextArray(std::string* text) : text_(text) { text_->assign(1, '{'); }

  void Add(const ColumnType& type, const Cell& cell) {
    if (text_->size() > 1) *text_ += ',';
    if (cell.state != Cell::State::kValue) {
      *text_ += "NULL";
    } else if (type.kind == TypeKind::kBytes) {
      AddHex(cell.text);
    } else {
      AddQuoted(cell.text);
    }
  }

  void Finish() { *text_ += '}'; }

 private:
  void AddQuoted(std::string_view text) {
    *text_ += '"';
    std::size_t from = 0;
    for (;;) {
      const std::size_t special = text.find_first_of("\"\\", from);
      if (special == std::string_view::npos) break;
      text_->append(text, from, special - from);
      *text_ += '\\';
      *text_ += text[special];
      from = special + 1;
    }
    text_->append(text, from);
    *text_ += '"';
  }

  void AddHex(std::string_view bytes) {
    static constexpr char kHex[] = "0123456789abcdef";
    *text_ += "\"\\\\x";
    for (const char c : bytes) {
      const auto byte = static_cast<unsigned char>(c);
      *text_ += kHex[byte >> 4U];
      *text_ += kHex[byte & 15U];
    }
    *text_ += '"';
  }

  std::string* text_;
};

}  // namespace writebehind
