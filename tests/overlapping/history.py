"""What was seen of a run from outside the edge: each event with its place in the order of all, and the hour.

Law: what is noted is what a client or the origin knows for certain. A request begins when its client writes it; what
the origin was asked, when it reads it; that it is answered, when the client reads the answer's head. So whatever the
edge does between, it does between two numbers that are known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from overlapping.program import Request, Rule, Says

_EDGES_OWN = ("host", "cdn-loop", "forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto")


class Ending(Enum):
    """How it ended for a client."""

    NOT_YET = auto()
    WHOLE = auto()
    BROKEN = auto()  # the connection ended before the answer did
    LOST = auto()  # it was pipelined behind one that broke
    LEFT = auto()  # the client did not wait


@dataclass(eq=False)
class Sent:
    """A request of a client, and what came of it."""

    request: Request
    client: int
    worker: int
    fields: Mapping[str, str]
    begun: int
    begun_at: float
    status: int = 0  # none yet
    head: Mapping[str, str] = field(default_factory=dict)
    headed: int | None = None
    body: bytearray = field(default_factory=bytearray)
    ended: int | None = None
    ending: Ending = Ending.NOT_YET

    def __str__(self) -> str:
        asked = f"{self.request.method} {self.request.target} {dict(self.fields)}"
        return f"[{self.begun}-{self.headed}-{self.ended}] client {self.client}: {asked} -> {self.status} {self.ending.name}"


@dataclass(eq=False)
class Exchange:
    """What the origin was asked. `begun`: its answer's head was sent; `ended`: its end, or the connection's; `read` and
    `heard`: by then the edge knew of it.
    """

    number: int
    worker: int
    client: int
    method: str
    target: str
    fields: Mapping[str, str]
    asked: int
    asked_at: float
    says: Says | None = None
    head: Mapping[str, str] = field(default_factory=dict)
    status: int = 0
    content: bytes = b""
    begun: int | None = None
    begun_at: float = 0.0
    read: int | None = None
    ended: int | None = None
    ended_at: float = 0.0
    heard: int | None = None
    has_failed: bool = False

    @property
    def name(self) -> str:
        return f"n{self.number}"

    def __str__(self) -> str:
        clients = {name: value for name, value in self.fields.items() if name not in _EDGES_OWN}
        asked = f"{self.method} {self.target} {clients}"
        what = "failed" if self.has_failed else f"{self.status} {dict(self.head)}"
        return f"[{self.asked}-{self.begun}-{self.ended}] {self.name} for client {self.client}: {asked} -> {what}"


@dataclass(eq=False)
class Purged:
    """By PURGE, or by the answer to a write. `began`: not before; `done`: who asked for it knew that it was done."""

    target: str | None
    tag: str | None
    is_hard: bool
    began: int
    at: float
    by: str | None = None  # the answer to a write
    done: int | None = None

    def takes(self, target: str, tags: str) -> bool:
        if self.tag is not None:
            return self.tag in tags.split()
        if self.target is None:
            return True
        return self.target in (target, target.partition("?")[0])

    def may_take(self, target: str) -> bool:
        """Whatever tags its answer has."""
        return self.tag is not None or self.takes(target, "")

    def __str__(self) -> str:
        return f"[{self.began}-{self.done}] {'hard' if self.is_hard else 'soft'} purge of {self.target or self.tag}"


@dataclass
class History:
    rule: Rule
    sent: list[Sent] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    purges: list[Purged] = field(default_factory=list)
    number: int = 0

    def next(self) -> int:
        """The place of one more event."""
        self.number += 1
        return self.number

    def write(self, exchange: Exchange) -> None:
        """The origin says that it has written something (RFC 9111 §4.4)."""
        path = exchange.target.partition("?")[0]
        self.purges.append(Purged(path, None, True, self.next(), exchange.begun_at, exchange.name))

    def know(self, name: str | None) -> None:
        """A client has this answer: if it is one to a write, it knows that something is written."""
        for purge in self.purges:
            if name is not None and purge.by == name and purge.done is None:
                purge.done = self.next()

    def of(self, name: str) -> Exchange | None:
        """By the name that its answer has."""
        number = int(name[1:]) if name[1:].isdigit() else -1
        return self.exchanges[number] if 0 <= number < len(self.exchanges) else None

    def __str__(self) -> str:
        events = [*[(one.begun, str(one)) for one in self.sent], *[(one.asked, str(one)) for one in self.exchanges]]
        events += [(one.began, str(one)) for one in self.purges]
        return "\n".join(text for _, text in sorted(events))
