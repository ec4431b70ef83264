// How a connection to Redis is kept from listeners.
#pragma once

#include <string>

namespace writebehind {

// TLS to Redis. Files are in PEM and read anew at each connect; the URL's option of each stands behind it.
struct TlsOptions {
  bool enabled = false;
  bool verify = true;          // the server's certificate; false: only listeners are kept out (ssl_cert_reqs)
  bool check_hostname = true;  // that the certificate is for the host (ssl_check_hostname)
  std::string ca_file;         // who is trusted, and nobody else; empty: the system's store (ssl_ca_certs)
  std::string cert_file;       // our own certificate; empty: none (ssl_certfile)
  std::string key_file;        // its key, without a passphrase; empty: it is in cert_file (ssl_keyfile)
};

}  // namespace writebehind
