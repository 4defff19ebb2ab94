"""Splits and cutovers: the sides that clients are put on, and by what a client is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from edgeproxy.ruleset.matching import ClientIn, HeaderIs
from edgeproxy.ruleset.origins import Backend
from edgeproxy.ruleset.place import Place

WHOLE = 100_000  # thousandths of a percent in 100 %


@dataclass(frozen=True, slots=True)
class HeaderKey:
    """A rung of a sticky ladder: the value of a request header (name in lower case)."""

    name: str


@dataclass(frozen=True, slots=True)
class CookieKey:
    """A rung of a sticky ladder: the value of a cookie."""

    name: str


@dataclass(frozen=True, slots=True)
class ClientKey:
    """The last rung: the client's masked address and its user agent; always present."""


StickyKey = HeaderKey | CookieKey | ClientKey


@dataclass(frozen=True, slots=True)
class Arm:
    """One side of a split. `share` is in thousandths of a percent; the shares of a split add up to WHOLE."""

    backend: Backend
    share: int


@dataclass(frozen=True, slots=True)
class Split:
    """Fixed weights between backends. A client whose place is in an arm's interval is on that arm."""

    name: str
    arms: tuple[Arm, ...]
    sticky: tuple[StickyKey, ...]


class Side(StrEnum):
    """Of a cutover: which of its arms."""

    OLD = "from"
    NEW = "to"


@dataclass(frozen=True, slots=True)
class Pin:
    """Clients that have all of this are on this arm, whatever the share."""

    side: Side
    conditions: tuple[HeaderIs | ClientIn, ...]
    place: Place = field(compare=False)


class OnFail(StrEnum):
    """What a cutover does when a gate fails."""

    ROLLBACK = "rollback"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Gates:
    """The conditions of a step; None: not one. Shares are thousandths of a percent."""

    errors_worse_by: int | None = None  # the new arm's share of failures above the old arm's
    latency_p95_ratio: float | None = None  # the new arm's p95 by the old arm's
    differences_at_most: int | None = None  # of shadows, noise taken off


@dataclass(frozen=True, slots=True)
class Cutover:
    """A named, moving split. `steps` are shares of the new arm, rising; `hold` is the least time on one, in seconds. Of
    several `pins` that a client fits the first counts. `takes_token`: a client that knows the edge's token may say on
    which arm it is, request by request. `rehearsed_within`: how old a passed rehearsal of the rules may be, in seconds
    (None: none is asked for).
    """

    name: str
    old: Backend
    new: Backend
    steps: tuple[int, ...]
    hold: float
    sticky: tuple[StickyKey, ...]
    gates: Gates
    on_fail: OnFail
    pins: tuple[Pin, ...] = ()
    takes_token: bool = False
    rehearsed_within: float | None = None

    @property
    def has_gates(self) -> bool:
        return self.gates != Gates()

    @property
    def resting(self) -> Split:
        """The split that a cutover is which nobody has started: everybody on the old arm."""
        return self.at(0)

    def backend(self, side: Side) -> Backend:
        return self.new if side is Side.NEW else self.old

    def at(self, share: int) -> Split:
        """The split that it is with that share, in thousandths of a percent, on the new arm."""
        return Split(self.name, (Arm(self.old, WHOLE - share), Arm(self.new, share)), self.sticky)


def is_known_by_host(to: Split | Cutover) -> bool:
    """Whether one client may be on another arm on another host, at the same moment: it tells each host other things
    than its address and user agent.
    """
    if any(not isinstance(key, ClientKey) for key in to.sticky):
        return True
    if not isinstance(to, Cutover):
        return False
    looked_at = {each.name for pin in to.pins for each in pin.conditions if isinstance(each, HeaderIs)}
    return to.takes_token or not looked_at <= {"user-agent"}


def backends_of(to: Backend | Split | Cutover) -> tuple[Backend, ...]:
    """Whom a forward may ask, each once: of a cutover both arms, of a split every one, whatever its share is now."""
    match to:
        case Split(arms=arms):
            return tuple(dict.fromkeys(arm.backend for arm in arms))
        case Cutover(old=old, new=new):
            return tuple(dict.fromkeys((old, new)))
        case _:
            return (to,)
