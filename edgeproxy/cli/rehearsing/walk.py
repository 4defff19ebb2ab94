"""The walks of a rehearsal, as values.

Laws of this module:
- a walk is what one client meets that begins with one request and follows: which arms it is on, and which backends
  fail under it, is its course;
- every walk ends, in one of the endings here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edgeproxy.cli.explaining.request import Request
from edgeproxy.migration.comparing.outcomes import Outcome, Result
from edgeproxy.proxy.plan import Pass, ServeFile
from edgeproxy.ruleset.model import Rule
from edgeproxy.ruleset.place import Place
from edgeproxy.telemetry.counters import BackendFailure


class Origin(StrEnum):
    """Where a request of a rehearsal comes from. What is made up may be of nothing that a backend has."""

    EXPECT = "a case of `expect`"
    KNOWN = "a path that was given"
    CAPTURED = "captured"
    SPELLED = "made of known values"
    MADE_UP = "made up"


@dataclass(frozen=True, slots=True)
class Start:
    """`rule` takes the request. `hits` and `status`: of a captured one, how many there were like it, and what the
    client got.
    """

    request: Request
    rule: Rule
    origin: Origin
    hits: int = 0
    status: int | None = None

    def __str__(self) -> str:
        call = f" ({self.request.call})" if self.request.call else ""
        return f"{self.request.method} {self.request.url}{call}"


@dataclass(frozen=True, slots=True)
class Course:
    """`arms`: of splits and cutovers, by name, the backend whose clients walk; of the others those of the first backend
    do. `down`: the backend that is taken to fail, whatever it would say.
    """

    arms: tuple[tuple[str, str], ...] = ()
    down: str | None = None

    def with_arm(self, name: str, backend: str) -> Course:
        others = tuple(each for each in self.arms if each[0] != name)
        return Course(tuple(sorted((*others, (name, backend)))), self.down)

    def with_down(self, backend: str) -> Course:
        return Course(self.arms, backend)

    def __str__(self) -> str:
        said = [f"on the arm {backend} of {name}" for name, backend in self.arms]
        if self.down is not None:
            said.append(f"while {self.down} fails")
        return ", ".join(said)


@dataclass(frozen=True, slots=True)
class Ask:
    """What a walk wants to know: what a backend, or a directory, answers."""

    plan: Pass | ServeFile
    backend: str
    request: Request


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard. `failure`: there was no answer, or (with a status) no whole one; `unasked`: why nobody was asked
    at all.
    """

    status: int = 0
    location: str | None = None
    content_type: str | None = None
    cache_control: str | None = None
    sets_cookie: bool = False
    outcome: Outcome | None = None  # of an XML-RPC call that was answered by 2xx
    failure: BackendFailure | None = None
    unasked: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One hop: what was asked, and the answer that the client got. `stood_in`: what failed before, where a fallback
    answered.
    """

    request: Request
    by: str  # as in Hop
    rule: Rule | None
    place: Place
    status: int
    location: str | None = None
    content_type: str | None = None
    cache_control: str | None = None
    backend: str | None = None
    sets_cookie: bool = False
    outcome: Outcome | None = None
    stood_in: str = ""


# -- endings ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answered:
    """By whom is in the last step."""

    status: int
    content_type: str | None = None
    outcome: Outcome | None = None  # of an XML-RPC call

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300 and (self.outcome is None or isinstance(self.outcome, Result))


@dataclass(frozen=True, slots=True)
class Loop:
    """It comes back to a hop, counted from 1. `sets_cookie`: clients that keep cookies ask otherwise the next time."""

    hop: int
    sets_cookie: bool = False


@dataclass(frozen=True, slots=True)
class TooManyHops:
    """More redirects than clients follow."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A backend gave no answer, or no whole one, and nobody is declared to stand in. `is_fallback`: it stood in."""

    backend: str
    failure: BackendFailure
    is_fallback: bool = False


@dataclass(frozen=True, slots=True)
class NoFallback:
    """A backend failed, and the rule has nobody for that. `failure` None: it was only taken to fail."""

    backend: str
    failure: BackendFailure | None
    is_declared: bool = False  # a fallback, but not for this


@dataclass(frozen=True, slots=True)
class Leaves:
    """A redirect to what is no host of the rules: it is not followed. `backend`: whose own address that is."""

    location: str
    backend: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """It is not declared safe, so it was not sent."""

    method: str


@dataclass(frozen=True, slots=True)
class Undecided:
    """`is_bound`: because of the bounds of this rehearsal."""

    why: str
    is_bound: bool = False


Ending = Answered | Loop | TooManyHops | Failed | NoFallback | Leaves | Refused | Undecided


@dataclass(frozen=True, slots=True)
class Fork:
    """A split or cutover on the way, and the backend that was taken."""

    name: str
    taken: str
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Walk:
    """`forks`: where other clients go another way; `guarded`: the backends on the way for which another stands in;
    `pending`: what was about to be asked when it ended.
    """

    start: Start
    course: Course
    steps: tuple[Step, ...]
    ending: Ending
    forks: tuple[Fork, ...] = ()
    guarded: tuple[str, ...] = ()
    pending: Step | None = None

    @property
    def last_rule(self) -> Rule:
        """By which it ended: that of the last request, if one took it."""
        last = self.pending or (self.steps[-1] if self.steps else None)
        return self.start.rule if last is None or last.rule is None else last.rule
