// The serialized form of a stream with one entry, as DUMP gives it and RESTORE takes it.
//
// XADD reserves 4 KB for the entries that may follow the first, for the life of the key. An answer has one
// entry and lives for an hour: restored, it takes a tenth of that.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "capture/redis_api.h"

namespace writebehind {

// `words` are the entry's fields and values in turn. RDB version 9, which every server since Redis 5 reads.
// Source: https://rdb.fnordig.de/file_format.html; the listpack is https://github.com/antirez/listpack.
std::string DumpStream(redis::StreamId id, const std::vector<std::string_view>& words);

}  // namespace writebehind
