"""TLS options of database connections → the options of the core's drivers."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from writebehind.errors import ConfigError

POSTGRES = ("sslmode", "sslrootcert", "sslcert", "sslkey")
MYSQL = ("ssl_required", "ssl_ca", "ssl_cert", "ssl_key", "ssl_verify")

_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def postgres_driver(given: Mapping[str, str]) -> dict[str, str]:
    """libpq's own names; whoever gives a certificate never gets plain text, which libpq's default `prefer` would fall back to.

    Raises:
        ConfigError: no such sslmode.
    """
    options = dict(given)
    if "sslmode" not in options and options:
        options["sslmode"] = "verify-full" if "sslrootcert" in options else "require"
    if options and options["sslmode"] not in _MODES:
        raise ConfigError(f"sslmode is '{options['sslmode']}', not one of {', '.join(_MODES)}")
    return options


def mysql_driver(given: Mapping[str, str]) -> dict[str, str]:
    """Connector/C++'s names. `sslEnforce` alone falls back to plain text where the server has no TLS: the core looks itself.

    Raises:
        ConfigError: a value is no truth value, or options contradict each other.
    """
    if not _is_wanted(given):
        return {}
    options = {"sslEnforce": "true", "sslVerify": "true" if _truth(given, "ssl_verify", "ssl_ca" in given) else "false"}
    names = {"ssl_ca": "sslCA", "ssl_cert": "sslCert", "ssl_key": "sslKey"}
    return options | {names[name]: value for name, value in given.items() if name in names}


def redis_tls(is_wanted: bool | None, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """redis-py's options as the core's; None: plain text.

    Raises:
        ConfigError: a value is wrong, or options contradict each other.
    """
    if is_wanted is False and given:
        raise ConfigError(f"ssl is false, but {next(iter(given))} is given")
    if not is_wanted and not given:
        return None
    from writebehind.redis_tls import RedisTls  # which imports redis

    return RedisTls(**given).core()


def check_context(given: Mapping[str, str]) -> None:
    """Raises ConfigError for options that contradict each other; no file is read."""
    if _is_wanted(given):
        _truth(given, "ssl_verify", "ssl_ca" in given)


def client_context(given: Mapping[str, str]) -> ssl.SSLContext | None:
    """The same options for a driver in Python, with the same meaning; None: plain text.

    Raises:
        ConfigError: a file can't be read, or options contradict each other.
    """
    if not _is_wanted(given):
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    verifies = _truth(given, "ssl_verify", "ssl_ca" in given)
    context.check_hostname = verifies
    if not verifies and "ssl_ca" not in given:
        context.verify_mode = ssl.CERT_NONE
    try:
        if "ssl_ca" in given:
            context.load_verify_locations(given["ssl_ca"])
        elif verifies:
            context.load_default_certs()
        if "ssl_cert" in given:
            context.load_cert_chain(given["ssl_cert"], given["ssl_key"], password="")
    except (OSError, ValueError) as error:
        names = ", ".join(f"{name} {given[name]}" for name in ("ssl_ca", "ssl_cert", "ssl_key") if name in given)
        raise ConfigError(f"a file of TLS can't be used ({names}): {error}") from None
    return context


def _is_wanted(given: Mapping[str, str]) -> bool:
    others = [name for name in given if name != "ssl_required"]
    if not _truth(given, "ssl_required", bool(others)):
        if others:
            raise ConfigError(f"ssl_required is false, but {others[0]} is given")
        return False
    if ("ssl_cert" in given) != ("ssl_key" in given):
        raise ConfigError("ssl_cert and ssl_key are given together or not at all")
    return True


def _truth(given: Mapping[str, str], name: str, default: bool) -> bool:
    text = given.get(name, str(default)).lower()
    if text not in _BOOLEANS:
        raise ConfigError(f"{name} is '{text}', not true or false")
    return _BOOLEANS[text]
