// The limit of what may wait in a pipeline's stream: what happens once it is reached.
//
// Who captures and who settles tell of the length; the command filter asks, of every command of every client,
// nothing but SomeFull. On the server's main thread alone.
#pragma once

#include <cstdint>
#include <string_view>

#include "capture/args.h"

namespace writebehind {

class Database;
class Pipeline;

// What the filter makes of a command that adds to a hash by other means than HSET and HMSET.
inline constexpr char kUnlessFullCommand[] = "WB.UNLESSFULL";

class Backlog {
 public:
  // A pipeline that refuses was full when it was last looked at.
  static bool SomeFull() { return some_full_; }

  // The stream's length after it has grown, or the limit has changed: says in the log where it reaches the limit.
  static void OnGrown(redis::Context* ctx, Pipeline* pipeline, std::uint64_t waiting);
  // After entries were removed.
  static void OnShrunk(Pipeline* pipeline, std::uint64_t waiting);

  // A pipeline of some database that captures this event of the key was full. Which database it is can't be told
  // here: the command that it is handed to looks again.
  static bool MayBeFull(std::string_view key, std::string_view event);

  // Replies the error if a pipeline of this database (null: none) that captures this event of the key is full now.
  static bool Refuse(redis::Context* ctx, const Database* database, std::string_view key, std::string_view event);

 private:
  inline static bool some_full_ = false;
};

// The event of a command that adds to the hash which its first argument names, or makes one; empty: it is none such.
std::string_view AddingEvent(std::string_view command);

// WB.UNLESSFULL <command> <key> [<argument> ...]
int UnlessFullCommand(redis::Context* ctx, const Args& args);

}  // namespace writebehind
