// Asks whether the caller of a command may do something, by a call in his name that can change nothing.
#pragma once

#include <string_view>

#include "capture/handles.h"

namespace writebehind {

inline bool IsError(const ReplyHandle& reply) {
  return reply && redis::CallReplyType(reply.get()) == redis::kReplyError;
}

// `probe` is the reply to a call with bad arguments and the flags `C` and `E`: the server looks at the rights
// first, so that the command's own complaint tells that the caller has them, and so does a reply that is no
// error (there was no such key). Other modules' calls have no user; the server lets them do everything.
inline bool Permitted(const ReplyHandle& probe, std::string_view complaint) {
  if (!probe || !IsError(probe)) return probe != nullptr;
  std::size_t size = 0;
  const char* text = redis::CallReplyStringPtr(probe.get(), &size);
  const std::string_view error = text == nullptr ? std::string_view{} : std::string_view{text, size};
  const auto says = [error](std::string_view what) { return error.find(what) != std::string_view::npos; };
  return says(complaint) || says("WRONGTYPE") || says("cannot run as user");
}

}  // namespace writebehind
