// A command's arguments, and its replies.
#pragma once

#include <string>
#include <string_view>

#include "capture/handles.h"

namespace writebehind {

class Args {
 public:
  Args(redis::String** words, int count) : words_(words), count_(static_cast<std::size_t>(count)) {}

  [[nodiscard]] std::size_t size() const { return count_; }
  redis::String* operator[](std::size_t i) const { return words_[i]; }
  [[nodiscard]] std::string_view view(std::size_t i) const { return View(words_[i]); }
  // The words from `from` on.
  [[nodiscard]] redis::String** from(std::size_t from) const { return words_ + from; }

 private:
  redis::String** words_;
  std::size_t count_;
};

inline bool SameWord(std::string_view a, std::string_view upper) {
  if (a.size() != upper.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const char c = a[i] >= 'a' && a[i] <= 'z' ? static_cast<char>(a[i] - 'a' + 'A') : a[i];
    if (c != upper[i]) return false;
  }
  return true;
}

// `message` begins with an error code. Line ends would break the protocol: they become blanks.
inline int ReplyError(redis::Context* ctx, std::string message) {
  for (char& c : message) {
    if (c == '\r' || c == '\n' || c == '\0') c = ' ';
  }
  return redis::ReplyWithError(ctx, message.c_str());
}

inline int ReplyText(redis::Context* ctx, std::string_view text) {
  return redis::ReplyWithStringBuffer(ctx, text.data(), text.size());
}

}  // namespace writebehind
