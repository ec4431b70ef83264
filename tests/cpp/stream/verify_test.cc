// Whom a Connection trusts, and what it shows of itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stream/connection.h"
#include "stream/tls_peer.h"

namespace writebehind::test {
namespace {

using testing::HasSubstr;

struct Seen {
  Status status;
  std::string sni;
};

// Opens a connection to a server of that identity.
Seen Meet(const Identity& identity, RedisOptions options, const std::string& client_ca = {}) {
  Seen seen;
  {
    Peer peer([&](int fd) {
      TlsServer server(fd, identity, client_ca);
      const bool in = server.SignIn();
      seen.sni = server.sni();
      if (in) server.ReadUntil("never");
    });
    options.port = peer.port();
    options.tls.enabled = true;
    Connection connection;
    seen.status = connection.Open(options);
  }
  return seen;
}

RedisOptions Trusting(const Identity& identity, const std::string& host = "localhost") {
  RedisOptions options;
  options.host = host;
  options.tls.ca_file = identity.ca();
  return options;
}

TEST(Verify, ByNameAndByAddress) {
  const Identity identity("DNS:localhost,IP:127.0.0.1");
  const Seen named = Meet(identity, Trusting(identity));
  EXPECT_TRUE(named.status.ok()) << named.status.message();
  EXPECT_EQ("localhost", named.sni);
  const Seen numbered = Meet(identity, Trusting(identity, "127.0.0.1"));
  EXPECT_TRUE(numbered.status.ok()) << numbered.status.message();
  EXPECT_EQ("", numbered.sni) << "SNI is for names alone";
}

TEST(Verify, AnotherCaIsRefused) {
  const Identity identity("DNS:localhost");
  const Identity other("DNS:localhost");
  const Seen seen = Meet(identity, Trusting(other));
  EXPECT_EQ(Code::kConfig, seen.status.code());
  EXPECT_THAT(seen.status.message(), HasSubstr("Redis at localhost:"));
  EXPECT_THAT(seen.status.message(), HasSubstr("certificate verify failed: "));
  EXPECT_THAT(seen.status.hint(), HasSubstr("ssl_ca_certs"));
}

TEST(Verify, TheSystemsStoreIsTheDefault) {
  const Identity identity("DNS:localhost");
  RedisOptions options = Trusting(identity);
  options.tls.ca_file.clear();
  EXPECT_EQ(Code::kConfig, Meet(identity, options).status.code());
  setenv("SSL_CERT_FILE", identity.ca().c_str(), 1);
  const Seen seen = Meet(identity, options);
  unsetenv("SSL_CERT_FILE");
  EXPECT_TRUE(seen.status.ok()) << seen.status.message();
}

TEST(Verify, AnotherNameIsRefused) {
  const Identity identity("DNS:db.example,IP:127.0.0.2");
  Seen seen = Meet(identity, Trusting(identity));
  EXPECT_EQ(Code::kConfig, seen.status.code());
  EXPECT_THAT(seen.status.message(), HasSubstr("hostname mismatch, it is not for 'localhost'"));
  seen = Meet(identity, Trusting(identity, "127.0.0.1"));
  EXPECT_EQ(Code::kConfig, seen.status.code());
  EXPECT_THAT(seen.status.message(), HasSubstr("IP address mismatch, it is not for '127.0.0.1'"));
  RedisOptions careless = Trusting(identity);
  careless.tls.check_hostname = false;
  EXPECT_TRUE(Meet(identity, careless).status.ok());
  const Identity other("DNS:localhost");
  careless.tls.ca_file = other.ca();
  EXPECT_EQ(Code::kConfig, Meet(identity, careless).status.code()) << "the CA is still checked";
}

TEST(Verify, NoneTakesAnyCertificate) {
  const Identity identity("DNS:db.example");
  RedisOptions options;
  options.tls.verify = false;
  EXPECT_TRUE(Meet(identity, options).status.ok());
}

TEST(Verify, AServerThatAsksForOurCertificate) {
  const Identity identity("DNS:localhost");
  const Identity client("DNS:engine");
  // In TLS 1.3 the refusal races with our first command: it must be told apart whoever is first.
  for (int i = 0; i < 20; ++i) {
    const Seen seen = Meet(identity, Trusting(identity), client.ca());
    EXPECT_EQ(Code::kConfig, seen.status.code()) << seen.status.message();
    EXPECT_THAT(seen.status.message() + seen.status.hint(), HasSubstr("certificate"));
    EXPECT_THAT(seen.status.hint(), HasSubstr("ssl_certfile"));
  }
  // Nor does every refusal reach us: this server closes without a word.
  {
    Peer peer([&](int fd) { EXPECT_TRUE(TlsServer(fd, identity, client.ca(), false).Accept()); });
    RedisOptions silent = Trusting(identity);
    silent.port = peer.port();
    silent.tls.enabled = true;
    Connection connection;
    const Status status = connection.Open(silent);
    EXPECT_EQ(Code::kConfig, status.code());
    EXPECT_THAT(status.message(), HasSubstr("asks for a client certificate"));
  }
  RedisOptions options = Trusting(identity);
  options.tls.cert_file = client.certificate();
  options.tls.key_file = client.key();
  const Seen seen = Meet(identity, options, client.ca());
  EXPECT_TRUE(seen.status.ok()) << seen.status.message();
}

TEST(Verify, FilesThatCantBeUsedAreNamed) {
  const Identity identity("DNS:localhost");
  const Identity locked("DNS:engine", "a passphrase");
  RedisOptions options = Trusting(identity);
  options.tls.ca_file = "/nowhere/ca.pem";
  Status status = Meet(identity, options).status;
  EXPECT_EQ(Code::kConfig, status.code());
  EXPECT_THAT(status.message(), HasSubstr("ssl_ca_certs '/nowhere/ca.pem' can't be used: No such file"));
  options = Trusting(identity);
  options.tls.cert_file = locked.certificate();
  options.tls.key_file = locked.key();
  status = Meet(identity, options).status;
  EXPECT_EQ(Code::kConfig, status.code());
  EXPECT_THAT(status.message(), HasSubstr("ssl_keyfile '" + locked.key()));
  options.tls.key_file = identity.key();
  status = Meet(identity, options).status;
  EXPECT_EQ(Code::kConfig, status.code());
  EXPECT_THAT(status.message(), HasSubstr("mismatch"));
}

}  // namespace
}  // namespace writebehind::test
