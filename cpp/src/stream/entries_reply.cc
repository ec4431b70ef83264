#include "stream/entries_reply.h"

#include <algorithm>
#include <cstring>

namespace writebehind {
namespace {

constexpr std::size_t kBlock = 256U << 10U;

// hiredis hands each finished element to these; the pointer they return only says "made", and is never
// read but for the root's.
EntriesReply* Made(const redisReadTask* task) { return static_cast<EntriesReply*>(task->privdata); }

void* OnString(const redisReadTask* task, char* text, std::size_t size) {
  EntriesReply* reply = Made(task);
  if (task->type == REDIS_REPLY_ERROR) {
    reply->error.assign(text, size);
    return reply;
  }
  if (task->parent == nullptr) {
    reply->bad = true;
    return reply;
  }
  Entries& entries = *reply->entries;
  if (task->idx % 2 == 0) {
    const auto id = StreamId::Parse({text, size});
    if (!id) reply->bad = true;
    entries.all.push_back({id.value_or(StreamId{}), {}});
    return reply;
  }
  char* kept = entries.Allocate(size);
  std::memcpy(kept, text, size);
  entries.all.back().packed = {kept, size};
  entries.bytes += size;
  return reply;
}

#if HIREDIS_MAJOR >= 1
using Count = std::size_t;
#else
using Count = int;
#endif

void* OnArray(const redisReadTask* task, Count elements) {
  EntriesReply* reply = Made(task);
  if (task->parent != nullptr || elements % 2 != 0) {
    reply->bad = true;
  } else {
    reply->entries->all.reserve(static_cast<std::size_t>(elements) / 2);
  }
  return reply;
}

void* OnInteger(const redisReadTask* task, long long) {
  Made(task)->bad = true;
  return Made(task);
}

void* OnNil(const redisReadTask* task) {
  Made(task)->bad = true;
  return Made(task);
}

void OnFree(void*) {}

}  // namespace

char* Entries::Allocate(std::size_t size) {
  if (used_ + size > capacity_) {
    capacity_ = std::max(size, kBlock);
    blocks_.emplace_back(new char[capacity_]);
    used_ = 0;
  }
  char* place = blocks_.back().get() + used_;
  used_ += size;
  return place;
}

redisReplyObjectFunctions* EntriesFunctions() {
  static redisReplyObjectFunctions functions = [] {
    redisReplyObjectFunctions made{};
    made.createString = OnString;
    made.createArray = OnArray;
    made.createInteger = OnInteger;
    made.createNil = OnNil;
    made.freeObject = OnFree;
    return made;
  }();
  return &functions;
}

}  // namespace writebehind
