// Builds Entries straight from hiredis's reader: no reply object per value.
#pragma once

#include <hiredis/hiredis.h>

#include <string>

#include "stream/connection.h"

namespace writebehind {

// What a WB.READ reply is parsed into; pass it as the reader's privdata with EntriesFunctions().
struct EntriesReply {
  Entries* entries = nullptr;
  std::string error;  // of an error reply
  bool bad = false;   // not of WB.READ's shape
};

redisReplyObjectFunctions* EntriesFunctions();

}  // namespace writebehind
