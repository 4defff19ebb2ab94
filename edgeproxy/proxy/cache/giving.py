"""Kept answers as octets: what is made once for a copy and a client's fields, and what is written for each request.

PERF: a hit that is known costs one look-up by the request's octets, a few comparisons and one copy of the content.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Protocol

from edgeproxy.caching import cache_status, replies
from edgeproxy.caching.outcomes import Outcome
from edgeproxy.caching.replies import Reply
from edgeproxy.caching.stored import Stored
from edgeproxy.caching.variants import as_text_html
from edgeproxy.http.fields import connection_lines
from edgeproxy.http.ranges import Span
from edgeproxy.http.selection import Part
from edgeproxy.proxy.plan import Answer, Pass, ServeFile, say
from edgeproxy.telemetry.counters import HitCount

if TYPE_CHECKING:
    from edgeproxy.proxy.cache.memory import Copy

NOSNIFF: Final = b"X-Content-Type-Options: nosniff\r\n"
_VIA: Final = b"Via: 1.1 edgeproxy\r\n"
_AGE: Final = b"Age: 0\r\n"
_TOGETHER: Final = 65_536  # octets of content that are copied behind a head, to be one write
_NEW: Final = frozenset((Outcome.MISS, Outcome.COLLAPSED, Outcome.REVALIDATED))


class Client(Protocol):
    """What of a client's connection an answer from memory needs."""

    minor: int

    def may_keep_alive(self) -> bool: ...
    def send(self, data: bytes) -> None: ...
    def finish(
        self, status: int, octets: bytes | memoryview, content: bytes | memoryview, keep_alive: bool
    ) -> None: ...


class Known:
    """What a request gets from a copy, all but what changes by the second. It is over as soon as the copy's `expires`
    is. `apart`: content that is large is not in one piece of octets with its head, so that all clients who take it
    slowly share the copy's own.

    `ready` is the whole head of a hit on a kept connection, and right from `since` to before `until`: for at most a
    second. PERF: it holds the head's only octets, so what is remembered for a second costs no memory.
    """

    __slots__ = (
        "_fixed", "_says_age", "apart", "content", "copy", "count", "ready", "row", "since", "status", "until",
    )  # fmt: skip

    def __init__(self, copy: Copy, plan: Pass | ServeFile, values: Mapping[str, str], now: float) -> None:
        reply = replies.reply(plan.method, values, named(copy.stored, plan, values), now)
        self.copy = copy
        self.status = reply.status
        self.count: HitCount | None = None  # where its hits are counted, once it is remembered
        self.row: tuple[int, object] | None = None  # of its hits in a capture: the kind's number, and which numbers
        self.ready = head_of(reply, plan)
        self._fixed = len(self.ready)  # octets of it that do not change
        self.since = self.until = 0.0
        content = _content_of(reply, copy.body)
        is_large = len(content) > _TOGETHER
        self.content = b"" if is_large else bytes(content)  # bytes stay the same object
        self.apart = memoryview(content) if is_large else b""  # uvloop slices what is left, which copies bytes
        self._says_age = says_age(plan)

    @property
    def head(self) -> bytes:
        """All but what changes by the second."""
        return self.ready[: self._fixed]

    @property
    def is_lasting(self) -> bool:
        """Whether it may be remembered: it holds no octets of its own beside the copy's."""
        return not self.apart and (not self.content or self.content is self.copy.body)

    @property
    def is_over(self) -> bool:
        return not self.copy.expires

    def octets(self, now: float, outcome: Outcome, end: bytes) -> bytes:
        """The whole answer, but for what is `apart`; `end`: further field lines."""
        head = self.ready[: self._fixed]
        return b"%b%b%b\r\n%b" % (head, self._told(now, outcome), end, self.content)

    def make_ready(self, now: float) -> None:
        """For a hit at `now`, and until its Age or its time to live is another. A clock that was set back to before the
        answer came has it made each time.
        """
        copy = self.copy
        born, expires = copy.stored.terms.born, copy.expires
        self.ready = b"%b%b\r\n" % (self.ready[: self._fixed], self._told(now, Outcome.HIT))
        self.since = now
        self.until = min(born + int(now - born) + 1, expires - int(expires - now)) if now >= born else now

    def _told(self, now: float, outcome: Outcome) -> bytes:
        copy = self.copy
        age = int(now - copy.stored.terms.born)
        if outcome is Outcome.HIT and self._says_age and age >= 0:  # PERF: what follows comes to the same
            return b"Age: %d\r\nCache-Status: edgeproxy; hit; ttl=%d\r\n" % (age, int(copy.expires - now))
        return told_lines(copy.stored, outcome, now, says_age=self._says_age)


def named(stored: Stored, plan: Pass | ServeFile, values: Mapping[str, str]) -> Stored:
    """Under the name of its type that the client knows."""
    if plan.cache is None or not plan.cache.policy.accept or not plan.cache.wants_text_html(values):
        return stored
    return as_text_html(stored)


def head_of(reply: Reply, plan: Pass | ServeFile) -> bytes:
    """Status line and field lines: those of the copy, as the rule wants them changed, and the edge's own. Of a file the
    edge is the origin, and no way led to it (RFC 9110 §7.6.3).
    """
    head = reply.head if plan.answer_edit is None else plan.answer_edit.apply(reply.head)
    return head + (b"" if plan.is_own else _VIA) + (NOSNIFF if plan.to_content else b"")


def told_lines(stored: Stored, outcome: Outcome, now: float, *, says_age: bool) -> bytes:
    """Age and Cache-Status (RFC 9211) of an answer. RFC 9111 §5.1: Age says that the backend did not just give it, or
    say that it is right; unless it said so itself.
    """
    age = int(stored.terms.age(now))
    is_new = outcome in _NEW
    status = cache_status.line(
        outcome, ttl=None if is_new else int(stored.fresh_until - now), stored=outcome is Outcome.MISS
    )
    return b"Age: %d\r\n%b" % (age, status) if says_age and (age or not is_new) else status


def says_age(plan: Pass | ServeFile) -> bool:
    """Whether the rule leaves Age to clients: who takes it away lets them keep answers for their whole time."""
    return plan.answer_edit is None or plan.answer_edit.gone.search(_AGE) is None


def _content_of(reply: Reply, body: bytes) -> bytes | memoryview:
    match reply.parts:
        case ():
            return b""
        case (Span(offset=0, length=length),) if length == len(body):
            return body
        case (Span(offset=offset, length=length),):
            return memoryview(body)[offset : offset + length]
        case parts:
            return b"".join([_octets_of(part, body) for part in parts])


def _octets_of(part: bytes | Span, body: bytes) -> bytes:
    return part if isinstance(part, bytes) else body[part.offset : part.offset + part.length]


def end_lines(keep_alive: bool, minor: int) -> bytes:
    return b"".join([line + b"\r\n" for line in connection_lines(keep_alive, minor)])


def head_of_file(
    plan: Pass | ServeFile, values: Mapping[str, str], stored: Stored, now: float, outcome: Outcome, end: bytes
) -> tuple[int, bytes, tuple[Part, ...]]:
    """Status, head, and what follows of the file that has the content. `end`: further field lines."""
    reply = replies.reply(plan.method, values, named(stored, plan, values), now)
    told = told_lines(stored, outcome, now, says_age=says_age(plan))
    return reply.status, b"%b%b%b\r\n" % (head_of(reply, plan), told, end), reply.parts


def arriving_head(stored: Stored, reply: Reply, plan: Pass | ServeFile, outcome: Outcome) -> bytes:
    """Of an answer that is still coming."""
    told = told_lines(stored, outcome, stored.terms.born, says_age=says_age(plan))
    return head_of(reply, plan) + told


def open_ended(stored: Stored, *, in_chunks: bool) -> Reply:
    """An answer whose length nobody knows: all of it, whatever parts were asked for."""
    start = replies.status_line(stored.status)
    return Reply(stored.status, start + stored.lines + (b"Transfer-Encoding: chunked\r\n" if in_chunks else b""), ())


def only_if_cached() -> Answer:
    status = cache_status.line(Outcome.ONLY_IF_CACHED).decode().removesuffix("\r\n").partition(": ")[2]
    return say(504, "The request wants a kept answer or none, and there is none.", ("Cache-Status", status))


def give(client: Client, known: Known, now: float, outcome: Outcome) -> None:
    """A copy in memory, whole."""
    keep_alive = client.may_keep_alive()
    hand_over(client, known, known.octets(now, outcome, end_lines(keep_alive, client.minor)), keep_alive)


def hand_over(client: Client, known: Known, octets: bytes, keep_alive: bool) -> None:
    """`octets`: the head, and what of the content goes with it."""
    if known.apart:
        client.send(octets)
        client.finish(known.status, known.apart, known.apart, keep_alive)
    else:
        client.finish(known.status, octets, known.content, keep_alive)
