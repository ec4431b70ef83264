// What holds over TLS and in plain text alike, and what only TLS can do wrong. The peers are sockets of our
// own: no Redis falls silent at a chosen moment.
#include "stream/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>

#include "stream/tls_peer.h"

namespace writebehind::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

// What a peer waits for before it goes on.
class Event {
 public:
  void Set() {
    set_ = true;
    set_.notify_all();
  }
  void Await() { set_.wait(false); }

 private:
  std::atomic<bool> set_ = false;
};

class SetAtEnd {
 public:
  explicit SetAtEnd(Event* event) : event_(event) {}
  ~SetAtEnd() { event_->Set(); }

 private:
  Event* event_;
};

class Tls : public testing::Test {
 protected:
  RedisOptions Options(const Peer& peer) const {
    RedisOptions options;
    options.port = peer.port();
    options.connect_timeout = milliseconds(3000);
    options.reply_timeout = milliseconds(3000);
    options.tls.enabled = true;
    options.tls.ca_file = identity_.ca();
    return options;
  }

  // A peer that signs the connection in and then does `act`.
  std::function<void(int)> Served(std::function<void(TlsServer&, int)> act) const {
    return [this, act = std::move(act)](int fd) {
      TlsServer server(fd, identity_);
      if (server.SignIn()) act(server, fd);
    };
  }

  Identity identity_{"DNS:localhost,IP:127.0.0.1"};
};

void Reset(int fd) {
  const linger at_once{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);  // the close is then an RST
}

std::string ReadSome(int fd) {
  char piece[4096];
  const auto got = recv(fd, piece, sizeof piece, 0);
  return {piece, got > 0 ? static_cast<std::size_t>(got) : 0};
}

TEST_F(Tls, LargeRepliesOverManyRecords) {
  std::string sent(9U << 20U, '\0');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 2654435761U >> 13U);
  Peer peer(Served([&](TlsServer& server, int) {
    server.ReadUntil("GET\r\n");
    server.Write("$" + std::to_string(sent.size()) + "\r\n");
    for (std::size_t at = 0, size = 1; at < sent.size(); at += size, size = size * 7 % 50021 + 1)
      server.Write(sent.substr(at, size));
    server.Write("\r\n+one\r\n+two\r\n");
    server.ReadUntil("never");
  }));
  Connection connection;
  ASSERT_TRUE(connection.Open(Options(peer)).ok());
  connection.Append({"GET"});
  Reply reply;
  ASSERT_TRUE(connection.Receive(&reply).ok());
  EXPECT_TRUE(Text(*reply) == sent);
  // One record held both: nothing more comes over the socket for the second.
  ASSERT_TRUE(connection.Receive(&reply).ok());
  EXPECT_EQ("one", Text(*reply));
  ASSERT_TRUE(connection.Receive(&reply).ok());
  EXPECT_EQ("two", Text(*reply));
  connection.Close();
}

TEST_F(Tls, LargeCommandsPassWhole) {
  const std::string value(5U << 20U, 'v');
  std::string got;
  Peer peer(Served([&](TlsServer& server, int) {
    got = server.ReadUntil("end\r\n");
    server.Write("+OK\r\n");
  }));
  Connection connection;
  ASSERT_TRUE(connection.Open(Options(peer)).ok());
  Reply reply;
  ASSERT_TRUE(connection.Command({"SET", value, "end"}, &reply).ok());
  EXPECT_THAT(got, HasSubstr(value));
}

TEST_F(Tls, ASilentHandshakeEndsInTime) {
  Event over;
  Peer peer([&](int) { over.Await(); });
  const SetAtEnd end(&over);
  RedisOptions options = Options(peer);
  options.connect_timeout = milliseconds(300);
  Connection connection;
  const auto start = Clock::now();
  const Status status = connection.Open(options);
  EXPECT_GE(Clock::now() - start, milliseconds(290));
  EXPECT_LT(Clock::now() - start, milliseconds(2500));
  EXPECT_EQ(Code::kNotConnected, status.code());
  EXPECT_THAT(status.message(), HasSubstr("127.0.0.1"));
  EXPECT_THAT(status.message(), HasSubstr("no answer in time (TLS handshake)"));
  EXPECT_THAT(status.hint(), HasSubstr("redis://"));
  EXPECT_FALSE(connection.open());
}

TEST_F(Tls, InterruptEndsAHandshake) {
  Event over;
  Connection connection;
  Peer peer([&](int fd) {
    ReadSome(fd);  // the greeting came: the handshake is under way
    connection.Interrupt();
    over.Await();
  });
  const SetAtEnd end(&over);
  RedisOptions options = Options(peer);
  options.connect_timeout = milliseconds(60000);
  EXPECT_EQ(Code::kStopped, connection.Open(options).code());
}

TEST_F(Tls, InterruptEndsARead) {
  Event over;
  Connection connection;
  Peer peer(Served([&](TlsServer& server, int) {
    server.ReadUntil("GET\r\n");
    server.Write("$1000\r\nbegun");
    connection.Interrupt();
    over.Await();
  }));
  const SetAtEnd end(&over);
  RedisOptions options = Options(peer);
  options.reply_timeout = milliseconds(60000);
  ASSERT_TRUE(connection.Open(options).ok());
  connection.Append({"GET"});
  Reply reply;
  EXPECT_EQ(Code::kStopped, connection.Receive(&reply).code());
}

TEST_F(Tls, AWriteThatNobodyReadsEnds) {
  for (const bool interrupted : {false, true}) {
    Event over;
    Connection connection;
    Peer peer(Served([&](TlsServer& server, int) {
      server.ReadUntil("x");  // of the value: the write is under way
      if (interrupted) connection.Interrupt();
      over.Await();
    }));
    const SetAtEnd end(&over);
    RedisOptions options = Options(peer);
    options.reply_timeout = milliseconds(interrupted ? 60000 : 500);
    ASSERT_TRUE(connection.Open(options).ok());
    connection.Append({"SET", std::string(64U << 20U, 'x')});
    Reply reply;
    EXPECT_EQ(interrupted ? Code::kStopped : Code::kNotConnected, connection.Receive(&reply).code());
  }
}

TEST_F(Tls, ASilentServerIsGivenUp) {
  Event over;
  Peer peer(Served([&](TlsServer&, int) { over.Await(); }));
  const SetAtEnd end(&over);
  RedisOptions options = Options(peer);
  options.reply_timeout = milliseconds(300);
  Connection connection;
  ASSERT_TRUE(connection.Open(options).ok());
  connection.Append({"GET"});
  Reply reply;
  const Status status = connection.Receive(&reply);
  EXPECT_EQ(Code::kNotConnected, status.code());
  EXPECT_THAT(status.message(), HasSubstr("no answer in time"));
  EXPECT_EQ("", status.hint());
}

TEST_F(Tls, EveryWayToLoseTheServerIsNotConnected) {
  for (const std::string how : {"cut", "farewell", "reset"}) {
    Peer peer(Served([&](TlsServer& server, int fd) {
      server.ReadUntil("GET\r\n");
      server.Write("$1000\r\nbegun");
      if (how == "farewell") server.Farewell();
      if (how == "reset") Reset(fd);
    }));
    Connection connection;
    ASSERT_TRUE(connection.Open(Options(peer)).ok());
    connection.Append({"GET"});
    Reply reply;
    EXPECT_EQ(Code::kNotConnected, connection.Receive(&reply).code()) << how;
    EXPECT_FALSE(connection.open());
  }
}

TEST_F(Tls, AServerThatOnlyListensStillIsLost) {
  Event over;
  Peer peer(Served([&](TlsServer& server, int fd) {
    server.ReadUntil("GET\r\n");
    server.Farewell();
    shutdown(fd, SHUT_WR);
    over.Await();
  }));
  const SetAtEnd end(&over);
  Connection connection;
  ASSERT_TRUE(connection.Open(Options(peer)).ok());
  connection.Append({"GET"});
  Reply reply;
  const Status status = connection.Receive(&reply);
  EXPECT_EQ(Code::kNotConnected, status.code());
  EXPECT_THAT(status.message(), HasSubstr("closed the connection"));
}

TEST_F(Tls, AResetDuringAWriteIsNotConnected) {
  Peer peer(Served([&](TlsServer& server, int fd) {
    server.ReadUntil("x");
    Reset(fd);
  }));
  Connection connection;
  ASSERT_TRUE(connection.Open(Options(peer)).ok());
  connection.Append({"SET", std::string(64U << 20U, 'x')});
  Reply reply;
  EXPECT_EQ(Code::kNotConnected, connection.Receive(&reply).code());
}

TEST_F(Tls, AWriteToAServerThatIsGoneRaisesNoSignal) {
  Connection connection;
  {
    Peer peer(Served([](TlsServer&, int) {}));
    ASSERT_TRUE(connection.Open(Options(peer)).ok());
  }
  // The first record is answered by an RST; by the second the system would raise SIGPIPE, which ends a
  // program.
  connection.Append({"SET", std::string(64U << 20U, 'x')});
  Reply reply;
  EXPECT_EQ(Code::kNotConnected, connection.Receive(&reply).code());
}

TEST_F(Tls, ACutInTheHandshakeMayPass) {
  for (const bool reset : {false, true}) {
    Peer peer([&](int fd) {
      ReadSome(fd);
      if (reset) Reset(fd);
    });
    Connection connection;
    EXPECT_EQ(Code::kNotConnected, connection.Open(Options(peer)).code());
  }
}

TEST_F(Tls, APlainServerIsNamedAsSuch) {
  Peer peer([&](int fd) {
    ReadSome(fd);
    send(fd, "-ERR unknown command\r\n", 22, MSG_NOSIGNAL);
    ReadSome(fd);
  });
  Connection connection;
  const Status status = connection.Open(Options(peer));
  EXPECT_EQ(Code::kConfig, status.code());
  EXPECT_THAT(status.message(), HasSubstr("does not speak TLS"));
  EXPECT_THAT(status.hint(), HasSubstr("redis://"));
}

TEST_F(Tls, APlainConnectionToTlsIsGivenAHint) {
  Peer peer([&](int fd) { EXPECT_FALSE(TlsServer(fd, identity_).Accept()); });
  RedisOptions options = Options(peer);
  options.tls.enabled = false;
  Connection connection;
  const Status status = connection.Open(options);
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.hint(), HasSubstr("rediss://")) << status.message();
}

}  // namespace
}  // namespace writebehind::test
