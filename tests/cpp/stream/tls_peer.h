// A server for one connection, in a thread, that does what a test says; and certificates for it.
#pragma once

#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace writebehind::test {

// A key, its certificate and the certificate of the CA that signed it, as files that live as long as this.
class Identity {
 public:
  // `names` as X.509 spells them: "DNS:localhost,IP:127.0.0.1". `passphrase` of the key file; empty: none.
  explicit Identity(const std::string& names, const std::string& passphrase = {});
  ~Identity();
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;

  [[nodiscard]] std::string ca() const { return directory_ + "/ca.pem"; }
  [[nodiscard]] std::string certificate() const { return directory_ + "/cert.pem"; }
  [[nodiscard]] std::string key() const { return directory_ + "/key.pem"; }

 private:
  std::string directory_;
};

// Listens on 127.0.0.1 and hands the first connection to `act`, whose end closes it.
class Peer {
 public:
  explicit Peer(std::function<void(int fd)> act);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  [[nodiscard]] int port() const { return port_; }

 private:
  int listener_ = -1;
  int port_ = 0;
  std::thread thread_;
};

// The server's side of TLS over a blocking socket.
class TlsServer {
 public:
  // `client_ca`: who must have signed the client's certificate; empty: none is asked for. `insists`: not
  // without.
  TlsServer(int fd, const Identity& identity, const std::string& client_ca = {}, bool insists = true);

  [[nodiscard]] bool Accept() { return SSL_accept(ssl_.get()) == 1; }
  // What came until it ends with `end`, or until the connection ended.
  std::string ReadUntil(const std::string& end);
  // One record of at most 16 KiB each.
  bool Write(const std::string& bytes);
  // Takes the commands of a Connection's Open and answers them.
  [[nodiscard]] bool SignIn();
  void Farewell() { SSL_shutdown(ssl_.get()); }
  [[nodiscard]] std::string sni() const;

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> ssl_;
};

}  // namespace writebehind::test
