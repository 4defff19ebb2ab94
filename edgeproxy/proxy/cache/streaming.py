"""An answer that goes to one client while its content comes.

Laws of this module:
- the head goes out once; what follows is one content, octet for octet, whoever fetches it;
- when a worker ends its fetch for others, the answer goes on from another fetch, if that brings the same: a head that
  says the same of the content, and in the place of every octet that came before the same octet. So nobody's word is
  taken for it, not even an entity-tag's; what its rule verifies is verified whole, in what was sent before, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Protocol

from edgeproxy.caching import field_lines, replies
from edgeproxy.caching.outcomes import Outcome
from edgeproxy.caching.stored import Stored
from edgeproxy.proxy.cache.giving import arriving_head, end_lines, named, open_ended
from edgeproxy.proxy.cache.outflow import Outflow
from edgeproxy.proxy.cache.source import Source, Waiter

if TYPE_CHECKING:
    from edgeproxy.proxy.plan import Pass

# What a head says of the content. Another value, another content, whatever of it is the same.
_DESCRIBING: Final = frozenset(
    (
        b"content-digest",
        b"content-encoding",
        b"content-language",
        b"content-location",
        b"content-md5",
        b"content-type",
        b"digest",
        b"etag",
        b"last-modified",
        b"repr-digest",
    )
)
_AT_A_TIME: Final = 131_072  # octets that are compared


class Differs(Exception):
    """What comes anew is another content than what came before."""


class Client(Protocol):
    @property
    def minor(self) -> int: ...
    def may_keep_alive(self) -> bool: ...
    def on_head_sent(self, status: int) -> None: ...
    def send(self, data: bytes) -> None: ...


class Streaming:
    """`waiter` is the exchange, which reads from one source at a time."""

    __slots__ = ("_client", "_lost", "_outflow", "_same", "_stored", "_waiter", "is_blocked", "keep_alive")

    def __init__(
        self,
        waiter: Waiter,
        client: Client,
        plan: Pass,
        values: Mapping[str, str],
        stored: Stored,
        outcome: Outcome,
        now: float,
    ) -> None:
        """Send the head."""
        self._waiter = waiter
        self._client = client
        self._stored = stored
        self._lost: Source | None = None  # what was read before, while it is compared
        self._same = 0  # octets that were
        self.is_blocked = False
        self.keep_alive = client.may_keep_alive()
        told, is_head = named(stored, plan, values), plan.method == "HEAD"
        if told.size >= 0:
            reply = replies.reply(plan.method, values, told, now)
            self._outflow = Outflow(reply.parts)
        else:
            in_chunks = client.minor == 1
            reply = open_ended(told, in_chunks=in_chunks)
            self.keep_alive = self.keep_alive and (in_chunks or is_head)
            self._outflow = Outflow(() if is_head else None, in_chunks=in_chunks and not is_head)
        head = arriving_head(told, reply, plan, outcome)
        client.on_head_sent(reply.status)
        client.send(head + end_lines(self.keep_alive, client.minor) + b"\r\n")

    @property
    def place(self) -> int:
        """The first octet of the content that is yet to be read."""
        return self._outflow.place if self._lost is None else min(self._same, self._outflow.place)

    def go_on(self, source: Source) -> bool:
        """PERF: one write for what has come, as far as the client takes it. Whether that was all. Raises OSError for
        what the disk does not give back, and Differs.
        """
        if self._lost is not None and not self._has_caught_up(self._lost, source):
            return False
        outflow = self._outflow
        while not self.is_blocked:
            octets = outflow.next(source)
            if not octets:
                break
            self._client.send(octets)
            source.on_taken()
        if self.is_blocked or not outflow.is_over(source):
            return False
        if outflow.end:
            self._client.send(outflow.end)
        return True

    def lose(self, source: Source) -> None:
        """Nothing more comes from there. What came can be read until it is left."""
        if self._lost is None:
            self._lost, self._same = source, 0
        else:  # while it was compared
            source.leave(self._waiter)
            self._same = 0

    def leave(self) -> None:
        """The exchange is over."""
        lost, self._lost = self._lost, None
        if lost is not None:
            lost.leave(self._waiter)

    def _has_caught_up(self, lost: Source, source: Source) -> bool:
        """PERF: 20 MB that a client had are compared in some 10 ms, in the steps in which they come anew."""
        if source.stored is None:
            return False
        if not self._same and not _is_alike(self._stored, source.stored):
            raise Differs
        size = lost.available
        while self._same < size:
            most = min(_AT_A_TIME, size - self._same, source.available - self._same)
            if most <= 0:
                if source.is_whole:
                    raise Differs
                return False
            mine = source.read(self._same, most)
            if not mine or lost.read(self._same, len(mine)) != mine:
                raise Differs
            self._same += len(mine)
        source.on_taken()
        self.leave()
        return True


def _is_alike(one: Stored, other: Stored) -> bool:
    """Whether two heads are of the same content, as far as heads tell."""
    if (one.status, one.size, one.coding) != (other.status, other.size, other.coding):
        return False
    return _describing(one) == _describing(other)


def _describing(stored: Stored) -> list[tuple[bytes, bytes]]:
    return sorted((name, line) for name, line in field_lines.named(stored.lines) if name in _DESCRIBING)
