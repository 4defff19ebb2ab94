"""A worker's capture: whose exchanges are taken, and their way to the writer.

Laws of this module:
- a connection is taken whole or not at all, by dice, when it is made, or when the capture begins;
- what waits for the writer is bounded, and so is the time for what costs much to look through (`Purse`); what comes
  beyond is dropped, and counted;
- a capture that is off has no part in anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from time import perf_counter_ns, thread_time_ns
from typing import TYPE_CHECKING, Final

from edgeproxy.capture.bodies import MOST_OCTETS
from edgeproxy.capture.columns import number_in
from edgeproxy.capture.connections import Connection
from edgeproxy.capture.content import Piece
from edgeproxy.capture.rows import Key, Kind, Late, RowMaker, RuleTold, Times
from edgeproxy.capture.safety import is_unsafe_behind
from edgeproxy.capture.settings import Settings
from edgeproxy.capture.work import Feed, LetGo, Write
from edgeproxy.http.request import RequestFields, RequestLine
from edgeproxy.http.target import Scheme, parse_target
from edgeproxy.proxy.capture.asked import Asked
from edgeproxy.proxy.capture.plain import AtHand, chosen, record_of
from edgeproxy.proxy.capture.purse import Purse
from edgeproxy.proxy.capture.tap import AT_ONCE, Tap
from edgeproxy.proxy.capture.writing import Writing
from edgeproxy.proxy.planner import ByFacts, Planned, Repeat
from edgeproxy.ruleset.matching import Facts
from edgeproxy.ruleset.model import Forward, Rule, Ruleset
from edgeproxy.ruleset.template import PathTemplate

if TYPE_CHECKING:
    from edgeproxy.proxy.client import ClientConnection
    from edgeproxy.telemetry.access_log import Record

MOST_BODIES: Final = 1 << 23  # octets of requests' bodies that are held at once


class Taking:
    """Begins when it is made. `dice` gives numbers from 0 to below 1."""

    def __init__(self, settings: Settings, ruleset: Ruleset, dice: Callable[[], float]) -> None:
        self.settings = settings
        self._dice = dice
        self._connections = 0
        self.rows = RowMaker(told_of(ruleset), self._hand_on, partial(_is_unsafe_behind, ruleset))
        self._dropped = 0  # exchanges
        self._fed = 0  # answers that the writer digests
        self.bodies = 0  # octets of requests' bodies that taps hold
        self._purse = Purse(perf_counter_ns())
        about = {"capture": settings.name, "share": settings.share, "worker": os.getpid(), "rules": ruleset.digest}
        self._writing = Writing(settings, about)

    # -- for the edge -------------------------------------------------------------------------------------------

    def meet(self, client: ClientConnection) -> None:
        """Take what this connection's exchanges are, or leave it alone."""
        if self._dice() < self.settings.share:
            self._connections += 1
            client.listen_in(Tap(client.transport, client.peer, f"{os.getpid()}-{self._connections}", self))

    @property
    def problem(self) -> str | None:
        """Why nothing more can be written."""
        return self._writing.problem

    def tend(self) -> None:
        """Hand on what has come: what was captured is on disk soon, however little it is."""
        if len(self.rows):
            self._hand_on()
        self.rows.renumber()

    async def begun(self) -> None:
        """Until its writer is there, as far as it will be."""
        await self._writing.begun.wait()

    async def end(self) -> None:
        """Write what waits. Nothing is taken any more."""
        self.tend()
        self.rows.forget()
        await self._writing.end({"dropped": self._dropped})

    def numbers(self) -> dict[str, int]:
        return {"connections": self._connections, "dropped": self._dropped, **self._writing.numbers()}

    # -- for its taps -------------------------------------------------------------------------------------------

    def add_plain(
        self,
        at_hand: Repeat | AtHand,
        connection: Connection,
        times: Times,
        status: int,
        content: bytes | memoryview,
    ) -> None:
        """A plain exchange that is not of the kind that its request's last one was, with the same content."""
        planned, fields = at_hand.planned, at_hand.fields
        plan, arm = chosen(at_hand)
        key = (id(planned), id(fields), id(plan), arm, status)
        kind = self.rows.kinds.get(key)
        if kind is None:
            record = record_of(connection, at_hand, times[0])
            record.status, record.is_whole = status, True
            kind = self._learn(key, (planned, plan), record, planned.line, fields)
        if kind is None:
            self._dropped += 1
            return
        known = self.digestible(content)
        self.rows.add(kind, connection, times, known)
        if isinstance(known, bytes):
            kind.status, kind.seen = status, known
        if isinstance(at_hand, Repeat):
            at_hand.kind = kind

    def add(
        self,
        at_hand: Repeat | AtHand,
        record: Record,
        connection: Connection,
        times: Times,
        content: bytes | Late | None,
        asked: Asked | None,
    ) -> Kind | None:
        """Any exchange that is over. `asked`: where the request had a body, or named a call. Its kind; None: it was
        dropped.
        """
        line, fields, rows = at_hand.planned.line, at_hand.fields, self.rows
        said = record.rule, record.arm, record.backend, record.fallback, record.cache, record.why
        key = (id(line), id(fields), connection.scheme, *said, record.status, record.is_whole)
        kind = rows.kinds.get(key) or self._learn(key, None, record, line, fields)
        if kind is None:
            self._dropped += 1
            if isinstance(content, Late):
                self.let_go(content)
            return None
        if asked is not None:
            began = thread_time_ns()
            body = asked.body if self._purse.has_some(perf_counter_ns()) else None
            rows.tell(line, fields, record.rule, asked.call, asked.sent, body)
            self._purse.pay(thread_time_ns() - began)
        rows.add(kind, connection, times, content)
        return kind

    def _learn(self, key: Key, kept: object, record: Record, line: RequestLine, fields: RequestFields) -> Kind | None:
        """A kind that is new; None: there is no time to look through it."""
        if not self._purse.has_some(perf_counter_ns()):
            return None
        began = thread_time_ns()
        kind = self.rows.kind(key, kept, record, line, fields)
        self._purse.pay(thread_time_ns() - began)
        return kind

    def digestible(self, content: bytes | memoryview) -> bytes | Late | None:
        """What is large is digested by the writer."""
        if len(content) <= AT_ONCE:
            return bytes(content)
        late = self.begin_late()
        return late if self.feed(late, [content], len(content), has_head=False) else None

    def begin_late(self) -> Late:
        """An answer that the writer will digest, as `feed` gives it."""
        self._fed += 1
        return Late(self._fed)

    def may_hold(self, planned: Planned | ByFacts, held: int, more: int) -> bool:
        """Whether so much more of a request's body is held: one that may be kept, while all together are not much."""
        is_possible = isinstance(planned, ByFacts) or self.rows.is_declared_safe(planned.plan.rule)
        if not is_possible or held + more > MOST_OCTETS or self.bodies + more > MOST_BODIES:
            return False
        self.bodies += more
        return True

    def feed(self, late: Late, pieces: list[Piece], octets: int, *, has_head: bool) -> bool:
        """Whether the pieces of an answer are digested: else there is too much."""
        if not self._writing.has_room(octets):
            return False
        self._writing.put(Feed(late.number, has_head, pieces))
        return True

    def let_go(self, late: Late) -> None:
        """No row will have what was fed of it. There is room for that: it is no more than was fed."""
        self._writing.put(LetGo(late.number))

    def _hand_on(self) -> None:
        block = self.rows.take()
        for draft in block.blocks():
            if self._writing.has_room(len(draft.line) + len(draft.rows)):
                self._writing.put(Write(draft))
            else:
                self._dropped += draft.records
                for late in draft.late:
                    self.let_go(Late(number_in(late)))
        self.rows.let_go(block)


def told_of(ruleset: Ruleset) -> dict[str, RuleTold]:
    return {rule.name: _told(rule) for rule in ruleset.rules}


def _told(rule: Rule) -> RuleTold:
    path = rule.match.path
    template = path if isinstance(path, PathTemplate) else None
    return RuleTold(rule.modifiers.safety, template, is_own=not isinstance(rule.action, Forward))


def _is_unsafe_behind(ruleset: Ruleset, scheme: str, line: RequestLine, fields: RequestFields) -> bool:
    target = parse_target(line.target, fields.host, Scheme(scheme), is_options=line.method == b"OPTIONS")
    facts = Facts(target.query, fields.values, "", None, 0.0)
    return is_unsafe_behind(ruleset, line.method.decode("ascii"), target.scheme, target.host, target.path, facts)
