#include "stream/connection.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "stream/entries_reply.h"

namespace writebehind {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kReadSize = 64U << 10U;

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

// What a master says that has become a replica; the second to whoever waited then.
bool IsDemoted(std::string_view error) { return error.starts_with("READONLY") || error.starts_with("UNBLOCKED"); }

}  // namespace

Connection::Connection() : wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), in_(kReadSize) {}

Connection::~Connection() {
  Close();
  if (wake_ >= 0) close(wake_);
}

void Connection::Interrupt() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(wake_, &one, sizeof one);
}

void Connection::Close() {
  transport_.reset();
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
  answered_ = false;
  out_.clear();
  reader_.reset();
}

std::string Connection::Where() const {
  if (!options_.unix_socket.empty()) return fmt::format("{} at {}", server_, options_.unix_socket);
  return fmt::format("{} at {}:{}", server_, options_.host, options_.port);
}

Status Connection::Lost(const std::string& what) { return Lost({Code::kNotConnected, what}); }

Status Connection::Lost(const Status& why, bool is_silent) {
  const bool asks = transport_ && !answered_ && why.code() == Code::kNotConnected;
  const Status clue = asks ? transport_->NoReply(is_silent) : Status();
  Close();
  const std::string text = fmt::format("{}: {}{}{}", Where(), why.message(), clue.message().empty() ? "" : "; ", clue.message());
  return {clue.ok() ? why.code() : clue.code(), text, clue.hint().empty() ? why.hint() : clue.hint()};
}

Status Connection::Open(const RedisOptions& options) {
  server_ = "Redis";
  return options.sentinels.addresses.empty() ? OpenServer(options) : OpenMaster(options);
}

Status Connection::OpenServer(const RedisOptions& options) {
  Status status = Link(options);
  if (status.ok()) status = Select();
  if (!status.ok()) Close();
  return status;
}

// Connects and signs in.
Status Connection::Link(const RedisOptions& options) {
  Close();
  options_ = options;
  const auto deadline = Clock::now() + options_.connect_timeout;
  if (Status status = Connect(deadline); !status.ok()) return status;
  if (Status status = Handshake(deadline); !status.ok()) return status;
  reader_.reset(redisReaderCreate());
  plain_ = reader_->fn;
  return options_.user.empty() && options_.password.empty() ? Status::Ok() : LogIn();
}

Status Connection::Connect(Clock::time_point deadline) {
  sockaddr_un local{};
  addrinfo local_info{};
  std::unique_ptr<addrinfo, FreeAddresses> found;
  const addrinfo* address = &local_info;
  if (!options_.unix_socket.empty()) {
    if (options_.unix_socket.size() >= sizeof local.sun_path) return {Code::kConfig, "the path of the Redis socket is too long"};
    local.sun_family = AF_UNIX;
    options_.unix_socket.copy(local.sun_path, sizeof local.sun_path - 1);
    local_info.ai_family = AF_UNIX;
    local_info.ai_socktype = SOCK_STREAM;
    local_info.ai_addr = reinterpret_cast<sockaddr*>(&local);
    local_info.ai_addrlen = sizeof local;
  } else {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    const int error = getaddrinfo(options_.host.c_str(), std::to_string(options_.port).c_str(), &hints, &list);
    if (error != 0) return Lost(gai_strerror(error));
    found.reset(list);
    address = list;
  }
  std::string last = "no address";
  for (; address != nullptr; address = address->ai_next) {
    fd_ = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) continue;
    int error = connect(fd_, address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      if (Status status = Wait(POLLOUT, deadline); !status.ok()) return status;
      socklen_t size = sizeof error;
      getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error == 0) {
      const int on = 1;
      setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      setsockopt(fd_, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
      return Status::Ok();
    }
    last = ErrnoText(error);
    close(fd_);
    fd_ = -1;
  }
  return Lost("can't connect: " + last);
}

Status Connection::Handshake(Clock::time_point deadline) {
  if (options_.tls.enabled) {
    if (Status status = MakeTlsTransport(fd_, options_.tls, options_.host, &transport_); !status.ok()) return Lost(status);
  } else {
    transport_ = MakePlainTransport(fd_);
  }
  for (;;) {
    const Progress progress = transport_->Handshake();
    if (progress.state == Progress::State::kDone) return Status::Ok();
    Status status = Proceed(progress, deadline);
    if (status.ok()) continue;
    return status.code() == Code::kNotConnected ? Status(status.code(), status.message() + " (TLS handshake)", status.hint()) : status;
  }
}

Status Connection::LogIn() {
  if (options_.user.empty()) {
    Append({"AUTH", options_.password});
  } else {
    Append({"AUTH", options_.user, options_.password});
  }
  Reply reply;
  if (Status status = Receive(&reply); !status.ok()) return status;
  if (reply->type != REDIS_REPLY_ERROR) return Status::Ok();
  std::string text(Text(*reply));
  // A server that does not know AUTH repeats its arguments.
  text.resize(std::min(text.size(), text.find(", with args")));
  const std::string who = options_.user.empty() ? "the default user" : fmt::format("user '{}'", options_.user);
  return {Code::kConfig, fmt::format("{} refuses the login of {}: {}", Where(), who, text),
          std::string_view(server_) == "Redis" ? "check user and password of the Redis URL" : kSentinelLogin};
}

Status Connection::Select() {
  Reply reply;
  const std::string db = std::to_string(options_.db);
  Append({"SELECT", db});
  if (Status status = Receive(&reply); !status.ok()) return status;
  if (reply->type == REDIS_REPLY_ERROR) {
    // A server that is still loading its data says so here; that passes.
    const bool passes = Text(*reply).starts_with("LOADING") || Text(*reply).starts_with("MASTERDOWN");
    return {passes ? Code::kNotConnected : Code::kConfig, fmt::format("{}, database {}: {}", Where(), db, Text(*reply))};
  }
  return Status::Ok();
}

void Connection::Append(std::span<const std::string_view> arguments) {
  fmt::format_to(std::back_inserter(out_), "*{}\r\n", arguments.size());
  for (const std::string_view argument : arguments) {
    fmt::format_to(std::back_inserter(out_), "${}\r\n", argument.size());
    out_.append(argument).append("\r\n");
  }
}

Status Connection::Wait(short events, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd ready[2] = {{fd_, events, 0}, {wake_, POLLIN, 0}};
    const int count = poll(ready, 2, static_cast<int>(std::clamp<long long>(left, 0, 1LL << 30)));
    if (count < 0 && errno != EINTR) return Lost(ErrnoText(errno));
    if (ready[1].revents != 0) {
      Close();
      return {Code::kStopped, "stopped"};
    }
    if (count > 0 && ready[0].revents != 0) return Status::Ok();
    if (Clock::now() >= deadline) return Lost({Code::kNotConnected, "no answer in time"}, true);
  }
}

// Ok: the same call again.
Status Connection::Proceed(const Progress& progress, Clock::time_point deadline) {
  switch (progress.state) {
    case Progress::State::kDone: return Status::Ok();
    case Progress::State::kWantRead: return Wait(POLLIN, deadline);
    case Progress::State::kWantWrite: return Wait(POLLOUT, deadline);
    case Progress::State::kEnd: return Lost("the server closed the connection");
    case Progress::State::kFailed: break;
  }
  return Lost(progress.failure);
}

Status Connection::Flush(Clock::time_point deadline) {
  std::string_view rest = out_;
  while (!rest.empty()) {
    const Progress progress = transport_->Write(rest);
    rest.remove_prefix(progress.bytes);
    if (Status status = Proceed(progress, deadline); !status.ok()) return status;
  }
  out_.clear();
  return Status::Ok();
}

Status Connection::Fill(Clock::time_point deadline) {
  for (;;) {
    // Before any wait: inside TLS more may have been read already than the socket has left.
    const Progress progress = transport_->Read(in_.data(), in_.size());
    if (progress.state == Progress::State::kDone) {
      answered_ = true;
      redisReaderFeed(reader_.get(), in_.data(), progress.bytes);
      return Status::Ok();
    }
    if (Status status = Proceed(progress, deadline); !status.ok()) return status;
  }
}

Status Connection::Parse(void** reply, std::chrono::milliseconds blocks) {
  if (!open()) return {Code::kNotConnected, fmt::format("{}: not connected", Where())};
  const auto limit = options_.reply_timeout + blocks;
  if (Status status = Flush(Clock::now() + limit); !status.ok()) return status;
  for (;;) {
    if (redisReaderGetReply(reader_.get(), reply) != REDIS_OK) return Lost(std::string("protocol error: ") + reader_->errstr);
    if (*reply != nullptr) return Status::Ok();
    // The limit is on silence, not on the whole reply: a large one may take its time.
    if (Status status = Fill(Clock::now() + limit); !status.ok()) return status;
  }
}

Status Connection::Receive(Reply* reply, std::chrono::milliseconds blocks) {
  void* raw = nullptr;
  Status status = Parse(&raw, blocks);
  reply->reset(static_cast<redisReply*>(raw));
  if (status.ok() && (*reply)->type == REDIS_REPLY_ERROR && IsDemoted(Text(**reply))) return Lost(std::string(Text(**reply)));
  return status;
}

Status Connection::Receive(Entries* entries) {
  EntriesReply target{entries, {}, false};
  if (reader_) {
    reader_->fn = EntriesFunctions();
    reader_->privdata = &target;
  }
  void* raw = nullptr;
  Status status = Parse(&raw, {});
  if (reader_) {
    reader_->fn = plain_;
    reader_->privdata = nullptr;
  }
  if (!status.ok()) return status;
  if (target.bad) return Lost("WB.READ answered something else than entries");
  if (IsDemoted(target.error)) return Lost(target.error);
  if (!target.error.empty()) return {Code::kTransient, target.error};
  return Status::Ok();
}

Status Connection::Command(std::span<const std::string_view> arguments, Reply* reply) {
  Append(arguments);
  if (Status status = Receive(reply); !status.ok()) return status;
  if ((*reply)->type == REDIS_REPLY_ERROR) {
    return {Code::kTransient, fmt::format("{}: {}: {}", Where(), arguments.front(), Text(**reply))};
  }
  return Status::Ok();
}

}  // namespace writebehind
