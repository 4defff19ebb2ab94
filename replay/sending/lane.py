"""Lanes: what is sent one after the other, over one connection at a time.

A named lane is a client's connection of the recording. A lane of a pool is one of many that take, each when it is free,
the next request that any connection may carry.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from edgeproxy.http.response import ResponseHead
from replay.sending.asking import Asking
from replay.sending.connection import Connection
from replay.sending.outcome import Failure

if TYPE_CHECKING:
    from replay.sending.sender import Sender


class Lane:
    """`key`: "" of a pool's. `server_name`: for TLS. `waiting` is a pool's, for all of its lanes."""

    __slots__ = ("connection", "is_opening", "key", "sender", "server_name", "waiting")

    def __init__(self, sender: Sender, key: str, server_name: str, waiting: deque[Asking]) -> None:
        self.sender = sender
        self.key = key
        self.server_name = server_name
        self.waiting = waiting
        self.connection: Connection | None = None
        self.is_opening = False

    # -- for its connection -------------------------------------------------------------------------------------

    def on_lines(self, asking: Asking, lines: bytes) -> None:
        self.sender.on_lines(asking, lines)

    def on_whole(self, asking: Asking, head: ResponseHead, octets: int, digest: Any, content: list[bytes]) -> None:
        self.sender.on_whole(asking, head, octets, digest, content)

    def on_failure(self, asking: Asking, failure: Failure, status: int, octets: int) -> None:
        self.sender.on_failure(asking, failure, status, octets)

    def on_free(self, connection: Connection) -> None:
        if self.waiting:
            self.sender.go_on(self, connection)
        else:
            self.sender.on_idle(self)

    def on_stale(self, connection: Connection, asking: Asking) -> None:
        """It had been closed when the request was sent, and nobody has read that: it is sent once more."""
        asking.is_again = True
        self.waiting.appendleft(asking)
        self.sender.on_resent(asking)
        self.on_closed(connection)

    def on_closed(self, connection: Connection) -> None:
        if self.connection is connection:  # it is told twice where this side closed it
            self.connection = None
            self.sender.on_closed(self, connection)
