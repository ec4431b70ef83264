"""TLS to Redis: its options, a connection of redis-py that checks what the core checks, and what failures mean."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from redis import Connection

from writebehind.errors import ConfigError

_PROBE_S = 1.0

# Alerts that the same attempt would meet again; their numbers are 1000 below OpenSSL's reasons.
_LASTING = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED", "HANDSHAKE_FAILURE", "PROTOCOL_VERSION", "INSUFFICIENT_SECURITY", "UNRECOGNIZED")


@dataclass(frozen=True, slots=True)
class RedisTls:
    """How to speak TLS to Redis; the names are redis-py's, and those of a rediss:// URL's query.

    Files are in PEM, and read anew at each connect.

    Args:
        ssl_cert_reqs: "required" (default): the server's certificate is verified; "none": only listeners are kept out.
        ssl_ca_certs: file of the CAs to trust, and no others; "" (default): the system's store.
        ssl_certfile: our own certificate; "" (default): none.
        ssl_keyfile: its key, without a passphrase; "" (default): it is in ssl_certfile.
        ssl_check_hostname: the certificate must be for the host of the URL. Default True.

    Raises:
        ConfigError: a value is wrong.
    """

    ssl_cert_reqs: str = "required"
    ssl_ca_certs: str = ""
    ssl_certfile: str = ""
    ssl_keyfile: str = ""
    ssl_check_hostname: bool = True

    def __post_init__(self) -> None:
        if self.ssl_cert_reqs not in ("required", "none"):
            raise ConfigError(f"ssl_cert_reqs is '{self.ssl_cert_reqs}', not required or none")
        if self.ssl_keyfile and not self.ssl_certfile:
            raise ConfigError("ssl_keyfile is given without ssl_certfile")

    def core(self) -> dict[str, Any]:
        """The mapping that `_core.Pipeline` takes as `redis`'s `tls`."""
        return {
            "verify": self.ssl_cert_reqs == "required",
            "check_hostname": self.ssl_check_hostname,
            "ca_file": self.ssl_ca_certs,
            "cert_file": self.ssl_certfile,
            "key_file": self.ssl_keyfile,
        }

    def context(self) -> ssl.SSLContext:
        """What Python's ssl needs.

        Raises:
            ConfigError: a file can't be used.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        is_verified = self.ssl_cert_reqs == "required"
        context.check_hostname = is_verified and self.ssl_check_hostname
        context.verify_mode = ssl.CERT_REQUIRED if is_verified else ssl.CERT_NONE
        if is_verified and not self.ssl_ca_certs:
            context.load_default_certs()
        what, file = "ssl_ca_certs", self.ssl_ca_certs
        try:
            if is_verified and file:
                context.load_verify_locations(file)
            if self.ssl_certfile:
                what, file = "ssl_certfile", ", ".join(filter(None, (self.ssl_certfile, self.ssl_keyfile)))
                # An empty passphrase, so that nobody is asked for one on the terminal.
                context.load_cert_chain(self.ssl_certfile, self.ssl_keyfile or None, password=lambda: "")
        except OSError as error:  # ssl's errors too
            reason = os.strerror(error.errno) if error.errno and not isinstance(error, ssl.SSLError) else str(error)
            raise ConfigError(f"{what} '{file}' can't be used: {reason}", "files in PEM, keys without a passphrase") from None
        return context


class TlsConnection(Connection):
    """redis-py's own SSLConnection trusts the system's store beside ssl_ca_certs; the core does not, and neither does this.

    Args:
        tls: the options.
        others: of redis-py's Connection.
    """

    def __init__(self, *, tls: RedisTls, **others: Any) -> None:
        Connection.__init__(self, **others)
        self._tls = tls

    def _connect(self) -> Any:
        link = Connection._connect(self)
        try:
            return self._tls.context().wrap_socket(link, server_hostname=self.host)
        except BaseException:
            link.close()
            raise


def meaning(error: BaseException, host: str) -> tuple[str, str] | None:
    """What a failure of TLS says to a person, and its hint; None: it is none, or one that may pass."""
    found = next((one for one in _chain(error) if isinstance(one, ssl.SSLError)), None)
    if isinstance(found, ssl.SSLCertVerificationError):
        reason = {62: "hostname mismatch", 64: "IP address mismatch"}.get(found.verify_code)
        if reason:
            return f"certificate verify failed: {reason}, it is not for '{host}'", "ssl_check_hostname=false accepts another name"
        return f"certificate verify failed: {found.verify_message}", "ssl_ca_certs names the file of the CA to trust"
    reason = getattr(found, "reason", None) or ""
    if reason == "WRONG_VERSION_NUMBER":
        return _NO_TLS
    if "ALERT" in reason and any(word in reason for word in _LASTING):
        hint = "ssl_certfile and ssl_keyfile name our certificate" if "CERTIFICATE" in reason or "HANDSHAKE" in reason else ""
        return f"the server refuses the TLS connection: {reason.lower().replace('_', ' ')}", hint
    return None


_NO_TLS = ("the server does not speak TLS on this port", "redis:// instead of rediss://, or the port that speaks TLS")
_TLS = ("the server speaks TLS on this port", "rediss:// instead of redis://, or the port without TLS")


def diagnose(host: str, port: int, tls: RedisTls | None) -> tuple[str, str] | None:
    """Looks why a server that is there does not answer: it speaks TLS and we don't, we do and it doesn't, or it wants our certificate.

    Returns:
        As `meaning`; None: nothing of the kind.
    """
    try:
        with socket.create_connection((host, port), _PROBE_S) as link:
            if tls is None:
                return _TLS if _shakes_hands(link) else None
            try:
                with tls.context().wrap_socket(link, server_hostname=host) as inside:
                    # In TLS 1.3 the server judges our certificate last: only its silence, or a ticket, is consent.
                    inside.settimeout(_PROBE_S / 4)
                    inside.recv(1)
            except TimeoutError:
                pass
            except OSError as error:
                return meaning(error, host)
        with socket.create_connection((host, port), _PROBE_S) as link:
            link.sendall(b"PING\r\n")
            return _NO_TLS if link.recv(1) in (b"+", b"-") else None
    except OSError:
        return None


def _shakes_hands(link: socket.socket) -> bool:
    """Whether the other side speaks TLS; who it is does not matter, nothing is sent to it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        context.wrap_socket(link).close()
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")
    except OSError:
        return False
    return True


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
