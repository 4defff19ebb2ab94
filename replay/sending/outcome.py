"""What a run came to, for one target.

Laws of this module:
- every request that was intended is counted once: as answered, as failed, or as not sent;
- memory has a bound, however long a run is: histograms, at most so many labels, at most so many moments.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from replay.sending.histogram import Histogram
from replay.sending.timeline import Timeline

MOST_LABELS: Final = 200
OTHER: Final = "(other)"


class Failure(StrEnum):
    """Why a request that was sent has no whole answer."""

    CONNECT = "connect"  # no connection: refused, unreachable, or TLS failed
    TIMEOUT = "timeout"  # no connection in time, or no whole answer
    CLOSED = "closed"  # the connection ended before an answer
    TRUNCATED = "truncated"  # and within one
    BAD_ANSWER = "bad_answer"  # what came is no answer, or could be read in two ways


class NotSent(StrEnum):
    """Why a request that was intended was never sent."""

    LATE = "late"  # its connection, or a free one, was not to be had within `patience`
    OVERLOAD = "overload"  # too much was waiting already
    STOPPED = "stopped"  # the run was ended before its turn


@dataclass(slots=True)
class OfLabel:
    """What became of the requests of one label."""

    sent: int = 0
    failed: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    corrected: Histogram = field(default_factory=Histogram)


@dataclass(slots=True)
class Outcome:
    """Times are in seconds. `corrected`: from the intended start to the end of the answer; `plain`: from the actual
    sending; both of what was answered or took too long, and the first of what was too late to be sent, too, with
    as much as it was late then. `timing`: actual sending less intended start, of what was free
    to go: the sender's own error; `waited`: the same of what was not, since its connection was busy with those before
    it, or as many were open as may be. `connecting`: to open a connection.
    """

    began: float  # POSIX seconds at the run's start
    seconds: float = 0.0  # from its start to the last answer
    scheduled: float = 0.0  # from its start to when the last request was due
    taken: float = 0.0  # and to when that one's turn came: what is more is the sender's own lateness
    intended: int = 0
    sent: int = 0
    answered: int = 0
    octets: int = 0  # of the answers' content
    statuses: Counter[int] = field(default_factory=Counter)
    failures: Counter[Failure] = field(default_factory=Counter)
    not_sent: Counter[NotSent] = field(default_factory=Counter)
    corrected: Histogram = field(default_factory=Histogram)
    plain: Histogram = field(default_factory=Histogram)
    timing: Histogram = field(default_factory=Histogram)
    waited: Histogram = field(default_factory=Histogram)
    connecting: Histogram = field(default_factory=Histogram)
    connections: int = 0  # that were opened
    most_open: int = 0
    resent: int = 0  # on a new connection, since the kept one had been closed
    kept: Counter[str] = field(default_factory=Counter)  # answers, by what their Cache-Status says: hit, miss
    writes: str = ""  # what told that something was written; "": nothing did
    telling: int = 0  # answers that say how much they wrote
    busy: float = 0.0  # CPU time of this process, as a share of one core
    labels: dict[str, OfLabel] = field(default_factory=dict)
    timeline: Timeline = field(default_factory=Timeline)

    @property
    def failed(self) -> int:
        return sum(self.failures.values())

    @property
    def rate(self) -> float:
        """That was intended, a second; 0: all were due at once."""
        return self.intended / self.scheduled if self.scheduled else 0.0

    @property
    def rate_reached(self) -> float:
        return self.intended / self.taken if self.taken else 0.0

    @property
    def at_least(self) -> int:
        """Requests that are among the latencies with the time until they were given up."""
        return self.failures[Failure.TIMEOUT] + self.not_sent[NotSent.LATE]

    @property
    def without_latency(self) -> int:
        """Requests of which nobody can say how long they would have taken."""
        return self.failed + sum(self.not_sent.values()) - self.at_least

    def label(self, name: str) -> OfLabel:
        found = self.labels.get(name)
        if found is None:
            if len(self.labels) >= MOST_LABELS:
                name = OTHER
            found = self.labels.setdefault(name, OfLabel())
        return found
