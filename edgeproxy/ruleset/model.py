"""What a checked rule file means: the immutable values that every other part reads.

Laws of this module:
- nothing here refers to YAML; positions are kept only as `Place`, for messages;
- every union is closed: `match` over it ends with `assert_never`;
- durations are seconds (float), percentages thousandths of a percent (int, 0..100_000), host names lower case
  without port and without a final dot, methods upper case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

if TYPE_CHECKING:
    from edgeproxy.ruleset.router import Router
    from edgeproxy.ruleset.template import PathTemplate, TargetTemplate

WHOLE = 100_000  # thousandths of a percent in 100 %


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a rule file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """An address the edge accepts plain HTTP on; port 0 asks the system for a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class HostKind(StrEnum):
    APP = "app"
    CONTENT = "content"  # serves user-uploaded bytes and nothing else


@dataclass(frozen=True, slots=True)
class Host:
    """A group of host names that rules speak of by one name."""

    name: str
    names: tuple[str, ...]
    kind: HostKind


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long the edge waits for a backend, in seconds."""

    connect: float = 3.0  # until the connection stands
    head: float = 60.0  # from the last byte of the request to the end of the answer's head
    between: float = 15.0  # between two reads, or writes, of a body


@dataclass(frozen=True, slots=True)
class HttpBackend:
    """An origin asked over HTTP/1.1. `authority` is the Host header it is sent (RFC 9110 §7.2)."""

    name: str
    host: str
    port: int
    authority: str
    timeouts: Timeouts = Timeouts()


@dataclass(frozen=True, slots=True)
class DirectoryBackend:
    """A directory whose files are answers: the request's path is looked up below it."""

    name: str
    directory: Path


Backend = HttpBackend | DirectoryBackend


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


@dataclass(frozen=True, slots=True)
class Forward:
    to: Backend | Split


@dataclass(frozen=True, slots=True)
class Redirect:
    """`lifetime` in seconds becomes Cache-Control: max-age; None leaves it to the client, which may mean for ever."""

    to: TargetTemplate
    status: int
    lifetime: float | None


@dataclass(frozen=True, slots=True)
class Respond:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Files:
    """Files of a directory; `path`, when given, says from the captures where below it (else the request's path)."""

    directory: Path
    path: TargetTemplate | None


Action = Forward | Redirect | Respond | Files


@dataclass(frozen=True, slots=True)
class Match:
    """What a request must be for a rule to take it. An empty `methods` means every method."""

    hosts: tuple[Host, ...]
    path: PathTemplate
    methods: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    index: int  # position in the file, from 0; the lowest index that matches wins
    match: Match
    action: Action
    place: Place


@dataclass(frozen=True, slots=True)
class Routed:
    """The rule that takes a request, and what its path template captured (still percent-encoded)."""

    rule: Rule
    captures: Mapping[str, str]
    host: Host


@dataclass(frozen=True, slots=True)
class UnknownHost:
    """No host of the ruleset has this name: 421 (RFC 9110 §15.5.20)."""


@dataclass(frozen=True, slots=True)
class NoRule:
    """A declared host, but no rule for this path: 404."""

    host: Host


@dataclass(frozen=True, slots=True)
class WrongMethod:
    """Rules for this path exist, for other methods: 405 with these in Allow, sorted (RFC 9110 §15.5.6)."""

    host: Host
    allow: tuple[str, ...]


Routing = Routed | UnknownHost | NoRule | WrongMethod


@dataclass(frozen=True, slots=True)
class Ruleset:
    """A checked and compiled rule file."""

    generation: int
    digest: str  # hex BLAKE2b of the sources read, in reading order
    listen: tuple[ListenAddress, ...]
    hosts: tuple[Host, ...]
    backends: tuple[Backend, ...]
    splits: tuple[Split, ...]
    rules: tuple[Rule, ...]
    router: Router = field(repr=False)

    def route(self, method: str, host: str, path: str) -> Routing:
        """The first rule, in file order, for a normalised host and path."""
        return self.router.route(method, host, path)


def describe_action(action: Action) -> str:
    """One short phrase for traces: what the action does with the request."""
    match action:
        case Forward(to=target):
            return f"forward to {target.name}"
        case Redirect(to=to, status=status):
            return f"redirect {status} to {to}"
        case Respond(status=status):
            return f"respond {status}"
        case Files(directory=directory):
            return f"files from {directory}"
        case _:
            assert_never(action)
