"""One request on its way, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from edgeproxy.http.response import ORDINARY, Asked
from replay.planned import Planned
from replay.sending.outcome import Failure, NotSent

_TO_HEAD: Final = Asked(to_head=True)
NOT_YET: Final = -1.0


class Asking:
    """Times are the clock's. `sent`: when it was begun, by writing it or by opening a connection for it."""

    __slots__ = ("asked", "due", "has_waited", "is_again", "octets", "planned", "sent")

    def __init__(self, planned: Planned, octets: bytes, due: float) -> None:
        self.planned = planned
        self.octets = octets
        self.due = due
        self.sent = NOT_YET
        self.asked = _TO_HEAD if planned.method == "HEAD" else ORDINARY
        self.has_waited = False  # for its connection
        self.is_again = False  # it was sent before, on a connection that had been closed


@dataclass(slots=True)  # PERF: frozen costs as much again; nobody changes one
class Answered:
    """A request and its answer. `lines`: the answer's end-to-end field lines, each with its CRLF, behind its status
    line; `octets`: of its content, of which `content` is the beginning, as far as it was to be kept; `digest`: SHA-256
    in hexadecimal, where that was wanted. `failure`: there was no whole answer.
    """

    planned: Planned
    status: int
    lines: bytes
    octets: int
    digest: str
    content: bytes
    failure: Failure | None = None


class Budget:
    """How many octets of answers' content may be kept, of all that are on their way or wait to be compared."""

    __slots__ = ("_left",)

    def __init__(self, most: int) -> None:
        self._left = most

    def take(self, octets: int) -> bool:
        if octets > self._left:
            return False
        self._left -= octets
        return True

    def free(self, octets: int) -> None:
        self._left += octets


class Listener(Protocol):
    """Who hears of each request what became of it. It is called between other requests: it must not take long. What
    it has of the content it gives back to the budget, when it has done with it.
    """

    def on_answered(self, answered: Answered) -> None: ...
    def on_not_sent(self, planned: Planned, why: NotSent) -> None: ...


class Silent:
    def on_answered(self, answered: Answered) -> None:
        """Nobody listens."""

    def on_not_sent(self, planned: Planned, why: NotSent) -> None:
        """Nobody listens."""
