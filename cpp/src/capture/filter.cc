#include "capture/filter.h"

#include "capture/guard.h"
#include "capture/hash_command.h"
#include "capture/server.h"

namespace writebehind {
namespace {

bool HasOperationField(redis::FilterContext* filter, int words) {
  for (int i = 2; i < words; i += 2) {
    if (View(redis::CommandFilterArgGet(filter, i)) == kOperationField) return true;
  }
  return false;
}

// Runs for every command of every client. The database is not known here: the command it is handed to looks
// again.
void Filter(redis::FilterContext* filter) {
  Server& server = Server::Get();
  if (!server.capturing()) return;
  const int words = redis::CommandFilterArgsCount(filter);
  if (words < 4 || words % 2 != 0) return;
  const std::string_view command = View(redis::CommandFilterArgGet(filter, 0));
  const bool hset = SameWord(command, "HSET");
  if (!hset && !SameWord(command, "HMSET")) return;
  if (!HasOperationField(filter, words)) return;
  Guarded(nullptr, "the command filter", [&] {
    if (!server.registry().CapturesAnywhere(View(redis::CommandFilterArgGet(filter, 1)))) return;
    redis::CommandFilterArgReplace(filter, 0, MakeString(hset ? kHsetCommand : kHmsetCommand).release());
  });
}

}  // namespace

bool RegisterFilter(redis::Context* ctx) {
  return redis::RegisterCommandFilter(ctx, Filter, redis::kFilterNoSelf) != nullptr;
}

}  // namespace writebehind
