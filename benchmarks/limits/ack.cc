// How long a writer waits for its acknowledgement: HSET with a uuid, then XREAD BLOCK until the answer is there.
//
//   limit_ack PORT PREFIX CLIENTS RATE SECONDS
#include <hiredis/hiredis.h>
#include <unistd.h>

#include <cstring>
#include <memory>

#include "latency.h"

namespace limits {
namespace {

constexpr std::int64_t kKeys = 10'000;

class Writer final : public Client {
 public:
  Writer(int port, std::string prefix) : prefix_(std::move(prefix)), connection_(redisConnect("127.0.0.1", port)) {
    Require(connection_ != nullptr && connection_->err == 0, "can't connect to Redis");
  }
  ~Writer() override { redisFree(connection_); }

  void Do(std::int64_t i) override {
    const Person person = MakePerson(i % kKeys, static_cast<int>(i));
    const std::string key = prefix_ + ':' + std::to_string(person.id);
    const std::string uuid = std::to_string(getpid()) + '-' + std::to_string(i);
    Take(redisCommand(connection_, "HSET %s first %s last %s age %d # =%s", key.c_str(), person.first.c_str(), person.last.c_str(),
                      person.age, uuid.c_str()));
    redisReply* answer = Take(redisCommand(connection_, "XREAD BLOCK 10000 STREAMS {%s}%s 0-0", key.c_str(), uuid.c_str()), true);
    const bool answered = answer->type == REDIS_REPLY_ARRAY &&
                          std::strcmp(answer->element[0]->element[1]->element[0]->element[1]->element[1]->str, "done") == 0;
    freeReplyObject(answer);
    Require(answered, "no acknowledgement within 10 s, or not 'done'");
  }

 private:
  redisReply* Take(void* taken, bool kept = false) {
    auto* reply = static_cast<redisReply*>(taken);
    Require(reply != nullptr, connection_->errstr);
    Require(reply->type != REDIS_REPLY_ERROR, reply->str != nullptr ? reply->str : "");
    if (!kept) freeReplyObject(reply);
    return kept ? reply : nullptr;
  }
  std::string prefix_;
  redisContext* connection_;
};

void Main(int argc, char** argv) {
  const int port = std::atoi(Argument(argc, argv, 1, "PORT"));
  const std::string prefix = Argument(argc, argv, 2, "PREFIX");
  Measure(ParseLoad(argc, argv, 3), [&] { return std::make_unique<Writer>(port, prefix); });
}

}  // namespace
}  // namespace limits

int main(int argc, char** argv) {
  return limits::Run([&] { limits::Main(argc, argv); });
}
