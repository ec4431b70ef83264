"""Options that several verbs have, and the connection they lead to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, TypeVar

import click

from writebehind.errors import ConfigError, NotBuiltError, WritebehindError
from writebehind.log import LEVELS
from writebehind.redis_url import DEFAULT, ENVIRONMENT, parse_redis_url

if TYPE_CHECKING:
    from redis import Redis

Verb = TypeVar("Verb", bound=Callable[..., object])


def exit_status(error: WritebehindError) -> int:
    """2: wrong usage or configuration, 1: anything else that failed."""
    return 2 if isinstance(error, ConfigError | NotBuiltError) else 1


def redis_option(verb: Verb) -> Verb:
    """`--redis URL`, as `redis_url`."""
    return click.option(
        "--redis",
        "redis_url",
        metavar="URL",
        envvar=ENVIRONMENT,
        default=DEFAULT,
        help=f"Server to use, rediss:// for TLS; default: ${ENVIRONMENT}, or {DEFAULT}. A password is safer in ${ENVIRONMENT}.",
    )(verb)


def json_option(verb: Verb) -> Verb:
    """`--json`, as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(verb)


def log_options(verb: Verb) -> Verb:
    """`--log-format` and `--log-level`."""
    verb = click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True, help="The least that is logged.")(verb)
    return click.option(
        "--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Of the lines on stderr."
    )(verb)


@contextmanager
def usable_server(redis_url: str) -> Iterator[Redis]:
    """A client of a server that has our module; exceptions of redis-py become ours.

    Raises:
        ConfigError: the URL, the login or the server is wrong.
        RedisUnavailable: not reachable.
    """
    with _usable(redis_url, decode=True) as client:
        yield client


@contextmanager
def bytes_server(redis_url: str) -> Iterator[Redis]:
    """The same, for keys and values of any bytes: replies are bytes."""
    with _usable(redis_url, decode=False) as client:
        yield client


@contextmanager
def _usable(redis_url: str, *, decode: bool) -> Iterator[Redis]:
    from writebehind.server import redis_errors, require_usable

    address = parse_redis_url(redis_url)
    with closing(address.client()) as asking:
        require_usable(asking, address)
    with closing(address.client(decode=decode)) as client, redis_errors(address):
        yield client
