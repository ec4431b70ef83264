"""The URL of a Redis server."""

from __future__ import annotations

import pytest

from writebehind.errors import ConfigError
from writebehind.redis_sentinel import Sentinels
from writebehind.redis_tls import RedisTls
from writebehind.redis_url import RedisAddress, address_of, parse_redis_url


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://localhost", RedisAddress(host="localhost")),
        ("redis://127.0.0.1:7000/3", RedisAddress(port=7000, db=3)),
        ("redis://127.0.0.1/?db=4", RedisAddress(db=4)),
        ("redis://[::1]:7000", RedisAddress(host="::1", port=7000)),
        ("redis://:pw@h:1", RedisAddress(host="h", port=1, password="pw")),
        ("redis://user:p%40ss%2F1@h", RedisAddress(host="h", user="user", password="p@ss/1")),
        ("unix:///tmp/r.sock?db=2", RedisAddress(unix_socket="/tmp/r.sock", db=2)),
        ("unix://u:p@/tmp/r.sock", RedisAddress(unix_socket="/tmp/r.sock", user="u", password="p")),
    ],
)
def test_urls_are_read(url: str, address: RedisAddress) -> None:
    assert parse_redis_url(url) == address


@pytest.mark.parametrize(
    "url",
    [
        *("", "localhost:6379", "http://h", "redis://h:0x1", "redis://h:99999", "redis://h/x", "redis://[h", "redis://h?x=1"),
        *("redis://h?ssl_ca_certs=f", "rediss://h?ssl_cert_reqs=maybe", "rediss://h?ssl_check_hostname=x", "rediss://h?ssl_keyfile=f"),
        *("unix:///s?ssl_ca_certs=f", "rediss://h?x=1", "redis://h?x", "redis://h?sentinel_password=x"),
        *("redis+sentinel://h", "redis+sentinel:///s", "redis+sentinel://h:x/s", "redis+sentinel://h:99999/s", "redis+sentinel://a,,b/s"),
        *("redis+sentinel://h/s/x", "redis+sentinel://h/s?x=1", "redis+sentinel://h/s?ssl_ca_certs=f", "unix+sentinel://h/s"),
    ],
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        parse_redis_url(url)


@pytest.mark.parametrize(
    ("url", "shown", "address"),
    [
        ("redis+sentinel://h/s", "redis+sentinel://h:26379/s/0", RedisAddress(host="", sentinels=Sentinels((("h", 26379),), "s"))),
        (
            "redis-sentinel://u:p%40@a:1,b,[::1]:2/s/3?sentinel_username=v&sentinel_password=q%2F",
            "redis+sentinel://a:1,b:26379,[::1]:2/s/3",
            RedisAddress(host="", db=3, user="u", password="p@", sentinels=Sentinels((("a", 1), ("b", 26379), ("::1", 2)), "s", "v", "q/")),
        ),
        (
            "rediss+sentinel://h/s?ssl_ca_certs=f&sentinel_password=q",
            "rediss+sentinel://h:26379/s/0",
            RedisAddress(host="", tls=RedisTls(ssl_ca_certs="f"), sentinels=Sentinels((("h", 26379),), "s", "", "q")),
        ),
    ],
)
def test_urls_of_sentinels(url: str, shown: str, address: RedisAddress) -> None:
    assert parse_redis_url(url) == address
    assert str(parse_redis_url(url)) == shown


def test_options_of_tls() -> None:
    assert parse_redis_url("redis://h").tls is None
    assert parse_redis_url("rediss://h").tls == RedisTls("required", "", "", "", True)
    url = "rediss://h:1/2?ssl_cert_reqs=none&ssl_ca_certs=/a%20b&ssl_certfile=c&ssl_keyfile=k&ssl_check_hostname=False"
    address = parse_redis_url(url)
    assert address == RedisAddress(host="h", port=1, db=2, tls=RedisTls("none", "/a b", "c", "k", False))
    assert str(address) == "rediss://h:1/2"
    expected = {"verify": False, "check_hostname": False, "ca_file": "/a b", "cert_file": "c", "key_file": "k"}
    assert address.core()["tls"] == expected


def test_no_text_shows_the_password() -> None:
    address = parse_redis_url("redis://user:hidden@h")
    assert "hidden" not in f"{address} {address!r}"
    address = parse_redis_url("redis+sentinel://user:hidden@h/s?sentinel_password=hidden")
    assert "hidden" not in f"{address} {address!r}"
    wrong = ("ftp://user:hidden@h", "redis://user:hidden#@h", "redis://user:hidden@h/x", "redis://user:hidden@h:x", "user:hidden@h")
    raw = (
        "redis://user:1/hidden@h",
        "redis://user:1?hidden@h",
        "redis://user:1?a=hidden@h",
        "rediss://user:1/hid?hidden@h",
        "redis://:1/hidden@h/0",
        "redis+sentinel://u:1/hidden@h/s",
        "redis+sentinel://u:1/s/hidden@h/s",
        "redis+sentinel://u:1?hidden@h/s",
        "redis+sentinel://u:1#hidden@h/s",
        "redis+sentinel://u:hidden@h/s/x?sentinel_password=hidden",
        "redis+sentinel://u:hidden@h:x/s?sentinel_password=hidden",
    )
    for url in wrong + raw:
        with pytest.raises(ConfigError) as raised:
            parse_redis_url(url)
        assert "hidden" not in f"{raised.value} {raised.value.hint}"


def test_the_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WRITEBEHIND_REDIS", raising=False)
    assert address_of(None) == RedisAddress()
    monkeypatch.setenv("WRITEBEHIND_REDIS", "redis://elsewhere:1/2")
    assert address_of(None) == RedisAddress(host="elsewhere", port=1, db=2)
    assert address_of("redis://h") == RedisAddress(host="h")
