#include "capture/filter.h"

#include "capture/backlog.h"
#include "capture/copy_command.h"
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

bool copy_moves_client = false;

void HandTo(redis::FilterContext* filter, const char* command) {
  redis::CommandFilterArgReplace(filter, 0, MakeString(command).release());
}

// A command that adds to a hash of a pipeline that may be full is handed to one that looks, and refuses it or does it.
// False: it is none.
bool HandToBacklog(redis::FilterContext* filter, std::string_view command, int words) {
  const std::string_view event = AddingEvent(command);
  if (event.empty() || !Backlog::MayBeFull(View(redis::CommandFilterArgGet(filter, 1)), event)) return false;
  const bool hset = SameWord(command, "HSET");
  if (hset || SameWord(command, "HMSET")) {
    if (words % 2 != 0) return false;  // the server's own error names the command better
    HandTo(filter, hset ? kHsetCommand : kHmsetCommand);
  } else {
    redis::CommandFilterArgInsert(filter, 0, MakeString(kUnlessFullCommand).release());
  }
  return true;
}

// Runs for every command of every client. The database is not known here: the command it is handed to looks
// again.
void Filter(redis::FilterContext* filter) {
  const int words = redis::CommandFilterArgsCount(filter);
  if (words < 4) return;
  const std::string_view command = View(redis::CommandFilterArgGet(filter, 0));
  if (copy_moves_client && words > 4 && SameWord(command, "COPY")) {
    return Guarded(nullptr, "the command filter", [&] { HandTo(filter, kCopyCommand); });
  }
  Server& server = Server::Get();
  if (!server.capturing()) return;
  if (Backlog::SomeFull()) {
    bool handed = false;
    Guarded(nullptr, "the command filter", [&] { handed = HandToBacklog(filter, command, words); });
    if (handed) return;
  }
  if (words % 2 != 0) return;
  const bool hset = SameWord(command, "HSET");
  if (!hset && !SameWord(command, "HMSET")) return;
  if (!HasOperationField(filter, words)) return;
  Guarded(nullptr, "the command filter", [&] {
    if (!server.registry().CapturesAnywhere(View(redis::CommandFilterArgGet(filter, 1)))) return;
    HandTo(filter, hset ? kHsetCommand : kHmsetCommand);
  });
}

}  // namespace

bool RegisterFilter(redis::Context* ctx) {
  copy_moves_client = CopyMovesClient(ctx);
  return redis::RegisterCommandFilter(ctx, Filter, redis::kFilterNoSelf) != nullptr;
}

}  // namespace writebehind
