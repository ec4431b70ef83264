"""What may happen to bytes on the way to a server."""

from __future__ import annotations

import time

from tests.faults.proxy import Loss, Proxy


def lose(proxy: Proxy | None, mark: bytes, loss: Loss, seconds: float) -> None:
    """Waits no longer than `seconds` for something that holds the mark."""
    assert proxy
    proxy.lose(mark, loss)
    proxy.lost.wait(seconds)
    proxy.forget()


def slow(proxy: Proxy | None, seconds: float) -> None:
    assert proxy
    proxy.delay_s = 0.02
    time.sleep(seconds)
    proxy.delay_s = 0.0
