#include "stream/tls_peer.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace writebehind::test {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Certificate = std::unique_ptr<X509, Free>;
using File = std::unique_ptr<std::FILE, Free>;

void Extend(X509* certificate, int kind, const std::string& value) {
  const std::unique_ptr<X509_EXTENSION, Free> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str()));
  if (!extension) throw std::runtime_error("bad extension " + value);
  X509_add_ext(certificate, extension.get(), -1);
}

Certificate Draw(EVP_PKEY* subject, const char* name, X509* issuer) {
  Certificate made(X509_new());
  X509_set_version(made.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), issuer == nullptr ? 1 : 2);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
  X509_set_pubkey(made.get(), subject);
  X509_NAME* who = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(who, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name), -1, -1,
                             0);
  X509_set_issuer_name(made.get(), issuer == nullptr ? who : X509_get_subject_name(issuer));
  return made;
}

File Open(const std::string& path) { return File(std::fopen(path.c_str(), "w")); }

}  // namespace

Identity::Identity(const std::string& names, const std::string& passphrase) {
  std::string pattern = std::filesystem::temp_directory_path() / "wb-tls-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no directory");
  directory_ = pattern;
  const Key ca_key(EVP_EC_gen("P-256"));
  const Key own(EVP_EC_gen("P-256"));
  const Certificate ca_certificate = Draw(ca_key.get(), "test CA", nullptr);
  Extend(ca_certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  X509_sign(ca_certificate.get(), ca_key.get(), EVP_sha256());
  const Certificate made = Draw(own.get(), "somebody", ca_certificate.get());
  Extend(made.get(), NID_subject_alt_name, names);
  X509_sign(made.get(), ca_key.get(), EVP_sha256());
  PEM_write_X509(Open(ca()).get(), ca_certificate.get());
  PEM_write_X509(Open(certificate()).get(), made.get());
  const bool open = passphrase.empty();
  PEM_write_PKCS8PrivateKey(Open(key()).get(), own.get(), open ? nullptr : EVP_aes_128_cbc(),
                            open ? nullptr : passphrase.data(), static_cast<int>(passphrase.size()), nullptr,
                            nullptr);
}

Identity::~Identity() { std::filesystem::remove_all(directory_); }

Peer::Peer(std::function<void(int fd)> act) : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 1) != 0)
    throw std::runtime_error("no port");
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this, act = std::move(act)] {
    // The server's own lost writes are no business of the test.
    sigset_t broken;
    sigemptyset(&broken);
    sigaddset(&broken, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken, nullptr);
    const int fd = accept(listener_, nullptr, nullptr);
    if (fd < 0) return;
    act(fd);
    close(fd);
  });
}

Peer::~Peer() {
  shutdown(listener_, SHUT_RDWR);
  thread_.join();
  close(listener_);
}

TlsServer::TlsServer(int fd, const Identity& identity, const std::string& client_ca, bool insists)
    : context_(SSL_CTX_new(TLS_server_method())) {
  SSL_CTX_use_certificate_chain_file(context_.get(), identity.certificate().c_str());
  SSL_CTX_use_PrivateKey_file(context_.get(), identity.key().c_str(), SSL_FILETYPE_PEM);
  if (!client_ca.empty()) {
    SSL_CTX_load_verify_file(context_.get(), client_ca.c_str());
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | (insists ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       nullptr);
  }
  ssl_.reset(SSL_new(context_.get()));
  SSL_set_fd(ssl_.get(), fd);
}

std::string TlsServer::ReadUntil(const std::string& end) {
  std::string got;
  char piece[4096];
  while (!got.ends_with(end)) {
    const int count = SSL_read(ssl_.get(), piece, sizeof piece);
    if (count <= 0) break;
    got.append(piece, static_cast<std::size_t>(count));
  }
  return got;
}

bool TlsServer::Write(const std::string& bytes) {
  return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) > 0;
}

bool TlsServer::SignIn() {
  return Accept() && ReadUntil("SELECT\r\n$1\r\n0\r\n").find("SELECT") != std::string::npos &&
         Write("+OK\r\n");
}

std::string TlsServer::sni() const {
  const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
  return name == nullptr ? "" : name;
}

}  // namespace writebehind::test
