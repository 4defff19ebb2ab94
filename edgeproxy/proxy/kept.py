"""What a client's connection answers from memory, in the callback that read the request: no task, no exchange.

Laws of this module:
- a request whose octets are known gets the same answer as the way of any other request would give it, or goes that way;
- what is known is over when its copy is: by time, by a purge, by a newer one;
- no request is known that a trusted proxy passed on, that an access log tells of, or that comes while the edge drains:
  they go the way of any other, and the hit path need not ask for all that. A capture knows the hits of what it has seen
  once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

from edgeproxy.caching.eviction import MOST_HITS
from edgeproxy.caching.outcomes import Outcome
from edgeproxy.http.request import RequestFields
from edgeproxy.proxy.answering import NO_ROWS, AnsweringStream
from edgeproxy.proxy.cache.cache_plan import CachePlan
from edgeproxy.proxy.cache.giving import Known, give
from edgeproxy.proxy.plan import Pass, ServeFile
from edgeproxy.proxy.planner import Planned, Planner, Repeat

if TYPE_CHECKING:
    from edgeproxy.proxy.cache.keeper import Keeper
    from edgeproxy.proxy.capture.tap import Tap
    from edgeproxy.proxy.edge import Edge

_NOTHING: Final[Mapping[bytes, Known]] = {}
_NO_REPEATS: Final[Mapping[bytes, Repeat]] = {}


class KeptStream(AnsweringStream):
    """A client's connection, as far as the cache in memory sees it."""

    __slots__ = ("_given", "_known", "_planner", "_repeats", "_requests_left")

    def __init__(self, edge: Edge, planner: Planner) -> None:
        super().__init__(edge)
        self._planner = planner
        self._requests_left = edge.limits.requests
        self._known = _NOTHING  # whole requests that a copy in memory answers
        self._repeats = _NO_REPEATS  # and those that were read before
        self._given: Known | None = None  # by what the request at hand was answered, if others like it can be

    def _use(self, planner: Planner) -> None:
        """For requests from now on; the peer is known."""
        self._planner = planner
        is_trusted = self.peer.is_trusted  # who speaks for others, and each time for another
        self._known = _NOTHING if is_trusted else planner.known
        self._repeats = _NO_REPEATS if is_trusted else planner.repeats

    @property
    def _may_learn(self) -> bool:
        edge = self._edge
        return not (edge.is_draining or edge.keeps_records or self.peer.is_trusted)

    def listen_in(self, tap: Tap) -> None:
        """Let exchanges be captured, from the next one on."""
        self.tap = tap
        self.transport, self._beneath = tap, tap.inner
        self.keeps_records = True
        self._begins_plain = not self._edge.keeps_records
        self._rows, self._row_number = tap.rows, tap.number
        self._use(self._planner)

    def _hear(self) -> None:
        """For whom the connection speaks may be another now."""
        if self.tap is not None:
            self.tap.hear()
            self._row_number = self.tap.number

    def listen_no_more(self) -> None:
        """What is under way is not captured, either."""
        tap, self.tap = self.tap, None
        if tap is not None:
            self.transport = tap.inner
            self.keeps_records = self._edge.keeps_records
            self._begins_plain, self._plain, self._rows = False, None, NO_ROWS
            self._use(self._planner)

    def _learn(self, request: bytes, known: Known) -> None:
        self._given = None
        self._planner.learn(request, known)
        if self.tap is not None:
            self.tap.learn(known)

    def _give_known(self, known: Known) -> bool:
        """Answer a request whose octets are known from a copy in memory, if it is fresh and nothing else is to be done.

        PERF: the hit path whole. What it leaves out, the way of any request does.
        """
        edge, copy, left, count = self._edge, known.copy, self._requests_left, known.count
        clock, keeper = edge.clock, edge.keeper
        wall, monotonic = clock.wall, clock.now  # PERF: as in AnsweringStream.on_answered
        now = wall()
        if now >= copy.expires or left <= 1 or keeper is None or keeper.purges.last[0] != keeper.seen or count is None:
            return False
        tap = self.tap
        if tap is not None and not tap.knows(known):
            return False
        if copy.hits < MOST_HITS:
            keeper.note_hit(copy)
        if not known.since <= now < known.until:
            known.make_ready(now)
        count.number += 1
        self._requests_left = left - 1
        self.deadline = monotonic() + edge.limits.idle  # first: a write that fills the transport sets another
        if tap is None:
            self.transport.write(known.ready + known.content)
        else:
            tap.give(known.ready + known.content, known)
        return True

    def _answer_kept(self, planned: Planned, plan: Pass | ServeFile, cache: CachePlan, fields: RequestFields) -> bool:
        """From a fresh copy in memory, at once. Where nothing but the request's octets decides, the same octets have
        the same answer.
        """
        edge = self._edge
        known = cast("Keeper", edge.keeper).known(plan, cache, fields)
        if known is None:
            return False
        self.note_outcome(plan.rule, Outcome.HIT)
        is_final = planned.plan is plan and planned.limits is None and fields.is_common and not fields.wants_close
        if is_final and self.minor and known.is_lasting and not _is_by_age(cache, fields) and self._may_learn:
            self._given = known
            known.count = edge.counting.hits(plan.rule, Outcome.HIT, known.status)
        give(self, known, edge.clock.wall(), Outcome.HIT)
        return True


def _is_by_age(cache: CachePlan, fields: RequestFields) -> bool:
    """Whether a fresh copy may be too old for a request: the same octets have another answer a moment later."""
    return cache.policy.heed_clients and ("cache-control" in fields.values or "pragma" in fields.values)
