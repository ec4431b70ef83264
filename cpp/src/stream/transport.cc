#include "stream/transport.h"

#include <sys/socket.h>

#include <cerrno>
#include <system_error>

namespace writebehind {
namespace {

Progress OfErrno(Progress::State waits) {
  if (errno == EAGAIN || errno == EINTR) return {waits, 0, {}};
  return {Progress::State::kFailed, 0, {Code::kNotConnected, ErrnoText(errno)}};
}

class PlainTransport : public Transport {
 public:
  explicit PlainTransport(int fd) : fd_(fd) {}

  Progress Handshake() override { return {}; }

  Progress Read(char* to, std::size_t size) override {
    const auto got = recv(fd_, to, size, 0);
    if (got > 0) return {Progress::State::kDone, static_cast<std::size_t>(got), {}};
    if (got == 0) return {Progress::State::kEnd, 0, {}};
    return OfErrno(Progress::State::kWantRead);
  }

  Progress Write(std::string_view bytes) override {
    const auto sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) return {Progress::State::kDone, static_cast<std::size_t>(sent), {}};
    return OfErrno(Progress::State::kWantWrite);
  }

  Status NoReply(bool is_silent) const override {
    return {Code::kNotConnected, "",
            is_silent ? "" : "a port that speaks TLS closes so: then the URL is rediss://"};
  }

 private:
  const int fd_;
};

}  // namespace

std::string ErrnoText(int number) { return std::system_category().message(number); }

std::unique_ptr<Transport> MakePlainTransport(int fd) { return std::make_unique<PlainTransport>(fd); }

}  // namespace writebehind
