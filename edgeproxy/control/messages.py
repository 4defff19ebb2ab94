"""What the supervisor and a worker say to each other: one JSON object a line, over a socket pair."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, get_args

Numbers = Mapping[str, int | Mapping[str, int]]


# -- a worker to its supervisor ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ready:
    """It accepts connections."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It cannot start, for this reason, and ends."""

    reason: str


@dataclass(frozen=True, slots=True)
class Beat:
    """Its event loop turns."""


@dataclass(frozen=True, slots=True)
class Draining:
    """It accepts nobody any more, as it was told, or because somebody else told it to end; `running`: exchanges."""

    running: int = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """Its counters as they are now."""

    numbers: Numbers = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ended:
    """Its last word: its counters, and how many exchanges it broke off."""

    broken_off: int
    numbers: Numbers = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Moved:
    """The shares of the `Move` with that number, or a later one, are in force."""

    number: int


@dataclass(frozen=True, slots=True)
class Fell:
    """Who was asked in the place of another backend since it last said so: words of a ledger."""

    uses: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Tallied:
    """What exchanges under cutovers came to since it last said so, by cutover: words of a block. `number`: of the
    `Move` in force; `generation`: of its rules.
    """

    number: int
    generation: int
    blocks: dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Found:
    """What its comparer has found since it last said so: the text of findings."""

    findings: str


@dataclass(frozen=True, slots=True)
class Tapped:
    """The `Tap` with that number, or a later one, is in force; what its capture, or the one that it has ended, comes to
    by now, by name, and why not all of it could be written, if so.
    """

    number: int
    numbers: dict[str, int] = field(default_factory=dict)
    problem: str | None = None


# -- a supervisor to its worker ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Drain:
    """Accept nobody any more, let exchanges end for at most `grace` seconds, and end. `is_final`: no other worker
    accepts on its sockets from now on.
    """

    grace: float
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Hurry:
    """Break off what still runs, and end."""


@dataclass(frozen=True, slots=True)
class Count:
    """Send the counters."""


@dataclass(frozen=True, slots=True)
class Move:
    """Put the shares of cutovers in force: all that are not at rest, by name, in thousandths of a percent."""

    number: int
    shares: dict[str, int]


@dataclass(frozen=True, slots=True)
class Tap:
    """Begin a capture, as settings say; None: end it."""

    number: int
    settings: dict[str, Any] | None


FromWorker = Ready | Failed | Beat | Draining | Counted | Ended | Moved | Fell | Tallied | Found | Tapped
ToWorker = Drain | Hurry | Count | Move | Tap
Message = FromWorker | ToWorker

_KINDS: Final[Mapping[str, type[Message]]] = {
    kind.__name__.lower(): kind for kind in (*get_args(FromWorker), *get_args(ToWorker))
}


def encode(message: Message) -> bytes:
    return json.dumps({"say": type(message).__name__.lower(), **asdict(message)}).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Both ends run the same code: what cannot be read raises KeyError, TypeError or ValueError, and is a fault."""
    values = json.loads(line)
    return _KINDS[values.pop("say")](**values)
