// What became of an operation, and what its caller may do about it.
//
// A Status crosses threads and C callbacks, so it is a value and never an exception. The code alone
// decides what happens next (pipeline/retry.cc is the only place that acts on it); the message is for
// people and names what and where; the hint says what an operator can do. None of them ever holds a
// password: whoever builds a message from a driver's error leaves the connection string out.
#pragma once

#include <string>
#include <utility>

namespace writebehind {

enum class Code {
  kOk,
  kNotConnected,  // nothing was committed: reopen, then try again
  kTransient,     // nothing was committed, the connection lives: back off, then try again
  kInDoubt,       // the connection was lost while COMMIT was under way: reopen, settle by compare-and-set
  kRefused,       // a data or constraint error: nothing was committed, WriteResult::refused says which rows
  kFenced,        // somebody else writes, or did: nothing was committed; reopen, and load the checkpoint again
  kConfig,        // wrong by configuration (missing table, wrong password): says so at the start, retried later
  kStopped,       // the operation was cancelled because the engine is stopping
  kCorrupt,       // bytes that are not what the format says
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message, std::string hint = {})
      : code_(code), message_(std::move(message)), hint_(std::move(hint)) {}

  static Status Ok() { return {}; }

  [[nodiscard]] bool ok() const { return code_ == Code::kOk; }
  [[nodiscard]] Code code() const { return code_; }
  [[nodiscard]] const std::string& message() const { return message_; }
  [[nodiscard]] const std::string& hint() const { return hint_; }

 private:
  Code code_ = Code::kOk;
  std::string message_;
  std::string hint_;
};

}  // namespace writebehind
