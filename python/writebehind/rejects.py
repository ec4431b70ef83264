"""The rejected changes of a pipeline: reading, retrying and dropping them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from writebehind.errors import ConfigError
from writebehind.registry import key as key_of

if TYPE_CHECKING:
    from redis import Redis

_PAGE = 500
_GONE = "the key is gone or captured no more"
_NO_MORE = "the key is captured no more"
# One step: were it two, a change that is written again might stay listed, and the next retry would write over what came after it.
_REQUEUE = """
local added = redis.call('WB.REQUEUE', ARGV[1], ARGV[2])
if added == 1 then
  redis.call('XDEL', KEYS[1], ARGV[3])
  redis.call('HDEL', KEYS[2], ARGV[4])
end
return added
"""


@dataclass(frozen=True, slots=True)
class Reject:
    """One rejected change.

    Args:
        id: of the entry in the rejected stream.
        fields: as docs/protocol.md lists them; bytes that are no UTF-8 as surrogates.
    """

    id: str
    fields: dict[str, str]

    @property
    def key(self) -> str:
        return self.fields.get("key", "")

    @property
    def is_delete(self) -> bool:
        return self.fields.get("op") == "d"

    def shown_key(self) -> str:
        return _printable(self.key)

    def shown(self) -> dict[str, str]:
        """The fields for people and programs, without the packed entry."""
        visible = {name: _printable(value) for name, value in self.fields.items() if name != "entry"}
        return {**visible, "change": visible.pop("id", ""), "id": self.id}


@dataclass
class Retried:
    """What became of a retry: how many were captured again, and which stay listed, with the reason."""

    captured: int = 0
    kept: list[tuple[Reject, str]] = field(default_factory=list)


def count(client: Redis, pipeline: str) -> int:
    """How many changes of the pipeline are listed as rejected."""
    return int(str(client.xlen(key_of(pipeline, "rejected"))))


def read(client: Redis, pipeline: str, most: int) -> list[Reject]:
    """The oldest rejected changes, `most` of them at most."""
    found = []
    for reject in _all(client, pipeline):
        found.append(reject)
        if len(found) >= most:
            break
    return found


def retry(client: Redis, pipeline: str, ids: Iterable[str] = (), *, force: bool = False) -> Retried:
    """Captures the keys of rejected changes as they are now; those captured are listed no more.

    Args:
        ids: of the rejected stream; none: all that are listed now.
        force: an upsert whose key is gone is written with the values that it had.

    Raises:
        ConfigError: an ID is not listed.
    """
    done = Retried()
    for reject in _chosen(client, pipeline, ids):
        reason = _capture(client, reject)
        if not reason:
            # Ended between the two, a retry captures the key again, as it is then: that changes nothing.
            _forget(client, pipeline, reject)
        elif reason == _GONE and force:
            reason = _requeue(client, pipeline, reject)
        if reason:
            done.kept.append((reject, reason))
        else:
            done.captured += 1
    return done


def drop(client: Redis, pipeline: str, ids: Iterable[str] = ()) -> int:
    """Removes rejected changes from the list; returns how many.

    Args:
        ids: of the rejected stream; none: all that are listed now.

    Raises:
        ConfigError: an ID is not listed.
    """
    chosen = _chosen(client, pipeline, ids)
    for reject in chosen:
        _forget(client, pipeline, reject)
    return len(chosen)


def _capture(client: Redis, reject: Reject) -> str:
    """Captures the key; returns why it was not, "" if it was."""
    if reject.is_delete:
        if client.exists(reject.key):
            return "a rejected delete, but the key is there again"
        return "" if int(str(client.execute_command("WB.CAPTURE", "ABSENT", reject.key))) > 0 else _NO_MORE
    if int(str(client.execute_command("WB.CAPTURE", reject.key))) > 0:
        return ""
    return _GONE


def _requeue(client: Redis, pipeline: str, reject: Reject) -> str:
    """Puts the change into the stream again and takes it from the list; returns why not, "" if it did."""
    from redis.exceptions import NoPermissionError, OutOfMemoryError, ResponseError

    entry: Any = reject.fields.get("entry", "").encode("utf-8", "surrogateescape")
    keys = key_of(pipeline, "rejected"), key_of(pipeline, "rejected-ids")
    try:
        return "" if client.eval(_REQUEUE, len(keys), *keys, pipeline, entry, reject.id, _mark(reject)) else _NO_MORE
    except (NoPermissionError, OutOfMemoryError):
        raise
    except ResponseError as error:
        return str(error).partition(" script: ")[0]  # behind that, the line of ours


def _mark(reject: Reject) -> str:
    """What keeps a change from being listed twice: refused again after a retry, it must be listed again."""
    return f"{reject.fields.get('identity', '')}/{reject.fields.get('id', '')}"


def _forget(client: Redis, pipeline: str, reject: Reject) -> None:
    # No transaction: a server above its maxmemory takes none. Ended between the two, the change is listed still.
    with client.pipeline(transaction=False) as together:
        together.hdel(key_of(pipeline, "rejected-ids"), _mark(reject))
        together.xdel(key_of(pipeline, "rejected"), reject.id)
        together.execute()


def _chosen(client: Redis, pipeline: str, ids: Iterable[str]) -> list[Reject]:
    wanted = list(ids)
    if not wanted:
        return list(_all(client, pipeline))
    chosen = []
    for one in wanted:
        entries: Any = client.xrange(key_of(pipeline, "rejected"), one, one) if _is_id(one) else []
        if not entries:
            raise ConfigError(f"pipeline '{pipeline}': '{one}' is not the ID of a rejected change", "writebehind rejected list shows them")
        chosen.append(Reject(str(entries[0][0]), entries[0][1]))
    return chosen


def _all(client: Redis, pipeline: str) -> Iterator[Reject]:
    # Up to what is there now: a retry may be refused again while we go through the list.
    stream = key_of(pipeline, "rejected")
    last: Any = client.xrevrange(stream, count=1)
    after = "-"
    while last:
        page: Any = client.xrange(stream, after, last[0][0], count=_PAGE)
        for entry_id, fields in page:
            yield Reject(str(entry_id), fields)
        if len(page) < _PAGE:
            return
        after = f"({page[-1][0]}"


def _is_id(text: str) -> bool:
    ms, dash, sequence = text.partition("-")
    return ms.isdecimal() and (not dash or sequence.isdecimal())


def _printable(text: str) -> str:
    # Surrogates are bytes that were no UTF-8; control characters would drive the reader's terminal.
    raw = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in raw)
