// The limit of the stream: XREAD of what waits and XTRIM behind it, nothing else. And what fills it.
//
//   limit_stream PORT STREAM drain                       reads and trims until it is empty
//   limit_stream PORT PREFIX load CHANGES KEYS ROUND [BYTES]
//                                                        HSETs of CHANGES persons over KEYS keys; `last` is of BYTES
#include <hiredis/hiredis.h>

#include <cstring>
#include <memory>

#include "person.h"

namespace limits {
namespace {

constexpr int kEntries = 5000;   // of one XREAD
constexpr int kPipeline = 1000;  // HSETs under way

struct Close {
  void operator()(redisContext* connection) const { redisFree(connection); }
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, Close>;

Reply Take(redisContext* connection, void* taken) {
  Reply reply(static_cast<redisReply*>(taken));
  Require(reply != nullptr, connection->errstr);
  Require(reply->type != REDIS_REPLY_ERROR, reply->str != nullptr ? reply->str : "");
  return reply;
}

void Drain(redisContext* connection, const char* stream) {
  std::string last = "0-0";
  std::size_t count = 0;
  const Stopwatch watch;
  for (;;) {
    const Reply read = Take(connection, redisCommand(connection, "XREAD COUNT %d STREAMS %s %s", kEntries, stream, last.c_str()));
    if (read->type == REDIS_REPLY_NIL) break;
    const redisReply* entries = read->element[0]->element[1];
    count += entries->elements;
    last = entries->element[entries->elements - 1]->element[0]->str;
    // Up to the last, which stays for the next XTRIM to remove: an exact ID after it can't be known.
    Take(connection, redisCommand(connection, "XTRIM %s MINID %s", stream, last.c_str()));
  }
  Take(connection, redisCommand(connection, "XTRIM %s MAXLEN 0", stream));
  Report(count, watch.seconds());
}

void Load(redisContext* connection, const char* prefix, std::int64_t changes, std::int64_t keys, int round,
          std::size_t bytes) {
  const Stopwatch watch;
  for (std::int64_t at = 0; at < changes; at += kPipeline) {
    const std::int64_t end = std::min<std::int64_t>(at + kPipeline, changes);
    for (std::int64_t i = at; i < end; ++i) {
      Person person = MakePerson(i % keys, keys < changes ? static_cast<int>(i / keys) : round);
      if (person.last.size() < bytes) person.last.append(bytes - person.last.size(), 'x');
      redisAppendCommand(connection, "HSET %s:%lld first %s last %s age %d", prefix, static_cast<long long>(person.id),
                         person.first.c_str(), person.last.c_str(), person.age);
    }
    for (std::int64_t i = at; i < end; ++i) {
      void* reply = nullptr;
      redisGetReply(connection, &reply);
      Take(connection, reply);
    }
  }
  Report(static_cast<std::size_t>(changes), watch.seconds());
}

void Main(int argc, char** argv) {
  const int port = std::atoi(Argument(argc, argv, 1, "PORT"));
  const char* name = Argument(argc, argv, 2, "STREAM");
  const std::unique_ptr<redisContext, Close> connection(redisConnect("127.0.0.1", port));
  Require(connection != nullptr && connection->err == 0, "can't connect to Redis");
  if (std::strcmp(Argument(argc, argv, 3, "drain|load"), "drain") == 0) return Drain(connection.get(), name);
  Load(connection.get(), name, std::atoll(Argument(argc, argv, 4, "CHANGES")),
       std::atoll(Argument(argc, argv, 5, "KEYS")), std::atoi(Argument(argc, argv, 6, "ROUND")),
       argc > 7 ? static_cast<std::size_t>(std::atoll(argv[7])) : 0);
}

}  // namespace
}  // namespace limits

int main(int argc, char** argv) {
  return limits::Run([&] { limits::Main(argc, argv); });
}
