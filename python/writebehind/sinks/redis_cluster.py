"""A Redis Cluster as the target. It has no step over all its nodes: a batch is a pipeline per node, at least once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from writebehind.errors import RefusedRow, RowsRefused, TargetUnavailable
from writebehind.sinks.base import Move, Plan, Row, Sink

if TYPE_CHECKING:
    from redis.cluster import RedisCluster

    from writebehind.connectors.redis_target import RedisClusterConnection

TIMEOUT_S = 5.0


class RedisClusterSink(Sink):
    """Writes hashes; each writer has a client of its own."""

    def __init__(self, connection: RedisClusterConnection) -> None:
        self._connection = connection
        self._client: RedisCluster | None = None

    def open(self) -> None:
        from redis.cluster import ClusterNode, RedisCluster
        from redis.exceptions import RedisError

        self.close()
        try:
            self._client = RedisCluster(
                startup_nodes=[ClusterNode(host, port) for host, port in self._connection.nodes()],
                password=self._connection.password,
                socket_timeout=TIMEOUT_S,
                socket_connect_timeout=TIMEOUT_S,
            )
        except RedisError as error:
            raise TargetUnavailable(f"the target cluster: {error}") from None

    def write(self, plan: Plan, rows: Sequence[Row], move: Move | None) -> None:
        from redis.exceptions import ConnectionError, RedisClusterException, ResponseError, TimeoutError

        del move
        assert self._client is not None, "open comes first"
        together: Any = self._client.pipeline()
        owners: list[int] = []  # of each command: the row
        for index, row in enumerate(rows):
            before = len(together)
            _append(together, plan, row)
            owners += [index] * (len(together) - before)
        try:
            replies = together.execute(raise_on_error=False)
        except (ConnectionError, TimeoutError, RedisClusterException) as error:
            raise TargetUnavailable(f"the target cluster: {error}") from None
        refused: dict[int, RefusedRow] = {}
        for index, reply in zip(owners, replies, strict=True):
            if isinstance(reply, ResponseError) and str(reply).startswith("WRONGTYPE"):
                refused[index] = RefusedRow(index, "the key of the target holds something else than a hash", type="hash")
            elif isinstance(reply, Exception):
                raise TargetUnavailable(f"the target cluster: {reply}")
        # The others are written already, and will be once more: that changes nothing.
        if refused:
            raise RowsRefused(refused.values())

    def explain(self, plan: Plan) -> list[str]:
        fields = " ".join(f"{name} <value>" for name, _, _ in plan.columns)
        key = f"{plan.table}:<{plan.keys[0][0]}>"
        return [f"HSET {key} {fields}", f"DEL {key}"]

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _append(together: Any, plan: Plan, row: Row) -> None:
    is_delete, replaces, cells, _, _ = row
    key = plan.table.encode() + b":" + _bytes(cells[0])
    if is_delete or replaces:
        together.delete(key)
    if is_delete:
        return
    given = list(zip((name for name, _, _ in plan.columns), cells[1:], strict=True))
    values = {name: _bytes(cell) for name, cell in given if cell is not None and cell is not ...}
    gone = [name for name, cell in given if cell is None]
    if values:
        together.hset(key, mapping=values)
    if gone:
        together.hdel(key, *gone)


def _bytes(cell: Any) -> bytes:
    return cell if isinstance(cell, bytes) else str(cell).encode(errors="surrogateescape")
