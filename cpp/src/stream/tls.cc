// TLS over a non-blocking socket, by OpenSSL.
// Source: https://docs.openssl.org/3.0/man3/SSL_get_error/
#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>

#include "stream/transport.h"

namespace writebehind {
namespace {

template <auto free>
struct Free {
  template <typename T>
  void operator()(T* thing) const {
    free(thing);
  }
};
using Context = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, Free<SSL_free>>;

// What OpenSSL's calls say too little about.
struct Wire {
  int fd = -1;
  int error = 0;       // errno of the last failure
  bool ended = false;  // the server closed its side
  int first = -1;      // the first byte that it sent
};

int WireWrite(BIO* bio, const char* data, int size) {
  Wire* wire = static_cast<Wire*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  // OpenSSL's own socket BIO has no MSG_NOSIGNAL: a lost connection would end the process by SIGPIPE.
  const auto sent = send(wire->fd, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<int>(sent);
  if (errno == EAGAIN || errno == EINTR) {
    BIO_set_retry_write(bio);
  } else {
    wire->error = errno;
  }
  return -1;
}

int WireRead(BIO* bio, char* data, int size) {
  Wire* wire = static_cast<Wire*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const auto got = recv(wire->fd, data, static_cast<std::size_t>(size), 0);
  if (got > 0 && wire->first < 0) wire->first = static_cast<unsigned char>(*data);
  if (got > 0) return static_cast<int>(got);
  if (got == 0) {
    wire->ended = true;
    return 0;
  }
  if (errno == EAGAIN || errno == EINTR) {
    BIO_set_retry_read(bio);
  } else {
    wire->error = errno;
  }
  return -1;
}

long WireControl(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF) return static_cast<Wire*>(BIO_get_data(bio))->ended ? 1 : 0;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO* MakeBio(Wire* wire) {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "writebehind socket");
    BIO_meth_set_write(made, WireWrite);
    BIO_meth_set_read(made, WireRead);
    BIO_meth_set_ctrl(made, WireControl);
    return made;  // for the life of the process
  }();
  BIO* bio = BIO_new(method);
  BIO_set_data(bio, wire);
  BIO_set_init(bio, 1);
  return bio;
}

std::string ReasonText(unsigned long error) {
  if (ERR_SYSTEM_ERROR(error)) return ErrnoText(ERR_GET_REASON(error));
  const char* text = ERR_reason_error_string(error);
  return text == nullptr ? fmt::format("OpenSSL error {:x}", error) : text;
}

// Alerts that the same attempt would meet again, until a person mends a certificate or a setting.
bool IsLasting(int alert) {
  switch (alert) {
    case SSL_AD_HANDSHAKE_FAILURE:
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case SSL_AD_PROTOCOL_VERSION:
    case SSL_AD_INSUFFICIENT_SECURITY:
    case SSL_AD_UNRECOGNIZED_NAME:
    case SSL_AD_CERTIFICATE_REQUIRED:
      return true;
    default:
      return false;
  }
}

Status FileError(const char* option, const std::string& file) {
  const unsigned long error = ERR_peek_error();
  return {Code::kConfig, fmt::format("{} '{}' can't be used: {}", option, file, ReasonText(error)),
          "files in PEM, keys without a passphrase"};
}

Status MakeContext(const TlsOptions& options, Context* made) {
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_client_method()));
  if (!context) return {Code::kConfig, "TLS can't be set up: " + ReasonText(ERR_peek_error())};
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_verify(context.get(), options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  // Without it a key that has a passphrase would ask for it on the terminal.
  SSL_CTX_set_default_passwd_cb(context.get(), [](char*, int, int, void*) { return 0; });
  if (options.verify && options.ca_file.empty()) SSL_CTX_set_default_verify_paths(context.get());
  if (options.verify && !options.ca_file.empty() &&
      SSL_CTX_load_verify_file(context.get(), options.ca_file.c_str()) != 1) {
    return FileError("ssl_ca_certs", options.ca_file);
  }
  if (!options.cert_file.empty()) {
    if (SSL_CTX_use_certificate_chain_file(context.get(), options.cert_file.c_str()) != 1)
      return FileError("ssl_certfile", options.cert_file);
    const std::string& key = options.key_file.empty() ? options.cert_file : options.key_file;
    if (SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1)
      return FileError("ssl_keyfile", key);
  }
  *made = std::move(context);
  return Status::Ok();
}

bool IsAddress(const std::string& host) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), bytes) == 1 || inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

class TlsTransport : public Transport {
 public:
  TlsTransport(int fd, const TlsOptions& options, std::string host, Context context)
      : host_(std::move(host)),
        verifies_(options.verify),
        gives_certificate_(!options.cert_file.empty()),
        context_(std::move(context)),
        ssl_(SSL_new(context_.get())) {
    wire_.fd = fd;
    BIO* bio = MakeBio(&wire_);
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_connect_state(ssl_.get());
    const auto asked = [](SSL*, void* flag) {
      *static_cast<bool*>(flag) = true;
      return 1;
    };
    SSL_set_cert_cb(ssl_.get(), asked, &was_asked_);
    const bool is_address = IsAddress(host_);
    // What the macro SSL_set_tlsext_host_name does with a cast of C's.
    if (!is_address)
      SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
               const_cast<char*>(host_.c_str()));
    if (options.verify && options.check_hostname) {
      X509_VERIFY_PARAM* wanted = SSL_get0_param(ssl_.get());
      X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
      is_address ? X509_VERIFY_PARAM_set1_ip_asc(wanted, host_.c_str())
                 : X509_VERIFY_PARAM_set1_host(wanted, host_.c_str(), 0);
    }
  }

  ~TlsTransport() override {
    // So that the server sees an end, and no cut; after a failure OpenSSL forbids it.
    if (is_ready_ && !has_failed_) SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }

  Progress Handshake() override {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    if (result != 1) return Explain(result);
    is_ready_ = true;
    return {};
  }

  Progress Read(char* to, std::size_t size) override {
    ERR_clear_error();
    Progress progress;
    const int result = SSL_read_ex(ssl_.get(), to, size, &progress.bytes);
    return result == 1 ? progress : Explain(result);
  }

  Progress Write(std::string_view bytes) override {
    ERR_clear_error();
    Progress progress;
    const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &progress.bytes);
    if (result == 1) return progress;
    Progress why = Explain(result);
    if (why.state != Progress::State::kFailed || !is_ready_) return why;
    // In TLS 1.3 the server judges our certificate when we believe to be done: its alert may wait to be read.
    char unused[1];
    Progress alert = Read(unused, sizeof unused);
    return alert.state == Progress::State::kFailed && alert.failure.code() == Code::kConfig ? alert : why;
  }

  Status NoReply(bool is_silent) const override {
    if (is_silent)
      return {Code::kNotConnected, "",
              is_ready_ ? "" : "a port without TLS is silent too: then the URL is redis://"};
    if (is_ready_ && !gives_certificate_ && was_asked_) {
      return {Code::kConfig, "it asks for a client certificate, and none is given",
              "ssl_certfile and ssl_keyfile name ours"};
    }
    return {Code::kNotConnected, ""};
  }

 private:
  Progress Explain(int result);
  Status Failure();

  const std::string host_;
  const bool verifies_;
  const bool gives_certificate_;
  bool was_asked_ = false;  // by the server, for a certificate of ours
  Context context_;
  Wire wire_;
  Session ssl_;
  bool is_ready_ = false;
  bool has_failed_ = false;
};

Progress TlsTransport::Explain(int result) {
  const int kind = SSL_get_error(ssl_.get(), result);
  if (kind == SSL_ERROR_WANT_READ) return {Progress::State::kWantRead, 0, {}};
  if (kind == SSL_ERROR_WANT_WRITE) return {Progress::State::kWantWrite, 0, {}};
  if (kind == SSL_ERROR_ZERO_RETURN) return {Progress::State::kEnd, 0, {}};
  has_failed_ = true;
  Progress failed{Progress::State::kFailed, 0, Failure()};
  // An end without a farewell is an end like any other: each reply says how long it is.
  if (failed.failure.code() == Code::kNotConnected && wire_.ended) return {Progress::State::kEnd, 0, {}};
  return failed;
}

Status TlsTransport::Failure() {
  const unsigned long error = ERR_peek_last_error();
  const int reason = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
  // The result, not the error queue: that one may speak of a signature first.
  const long why = SSL_get_verify_result(ssl_.get());
  if (why != X509_V_OK && verifies_ && !is_ready_) {
    const bool other = why == X509_V_ERR_HOSTNAME_MISMATCH || why == X509_V_ERR_IP_ADDRESS_MISMATCH;
    const std::string text = std::string("certificate verify failed: ") + X509_verify_cert_error_string(why);
    if (other)
      return {Code::kConfig, fmt::format("{}, it is not for '{}'", text, host_),
              "ssl_check_hostname=false accepts another name"};
    return {Code::kConfig, text, "ssl_ca_certs names the file of the CA to trust"};
  }
  const bool is_alert = reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + 255;
  if (is_alert && IsLasting(reason - SSL_AD_REASON_OFFSET)) {
    const bool wants =
        reason - SSL_AD_REASON_OFFSET == SSL_AD_CERTIFICATE_REQUIRED || (was_asked_ && !gives_certificate_);
    return {Code::kConfig, "the server refuses the TLS connection: " + ReasonText(error),
            wants ? "ssl_certfile and ssl_keyfile name our certificate" : ""};
  }
  // Records of TLS begin with their type, 20 to 24.
  if (!is_ready_ && wire_.first >= 0 && (wire_.first < 20 || wire_.first > 24)) {
    return {Code::kConfig, "the server does not speak TLS on this port",
            "redis:// instead of rediss://, or the port that speaks TLS"};
  }
  if (error != 0) return {Code::kNotConnected, "TLS: " + ReasonText(error)};
  return {Code::kNotConnected, wire_.error != 0 ? ErrnoText(wire_.error) : "the connection broke"};
}

}  // namespace

Status MakeTlsTransport(int fd, const TlsOptions& options, const std::string& host,
                        std::unique_ptr<Transport>* transport) {
  Context context;
  if (Status status = MakeContext(options, &context); !status.ok()) return status;
  *transport = std::make_unique<TlsTransport>(fd, options, host, std::move(context));
  return Status::Ok();
}

}  // namespace writebehind
