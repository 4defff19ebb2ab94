"""All that `edgeproxy explain` tells, as values: what the text is made of, and what the JSON has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from edgeproxy.ruleset.place import Place


@dataclass(frozen=True, slots=True)
class PassedBy:
    """A rule before the one that takes the request, and why it does not."""

    name: str
    place: Place
    why: str


@dataclass(frozen=True, slots=True)
class Taker:
    """The rule that takes the request."""

    name: str
    place: Place
    action: str
    captures: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Own:
    """An answer of the edge's own."""

    status: str  # with its phrase
    fields: tuple[str, ...]
    body: str


class Part(StrEnum):
    """Why a backend is asked."""

    FORWARD = "forward"
    ARM = "arm"
    OTHER_ARM = "other arm"
    FALLBACK = "fallback"
    SHADOW = "shadow"


@dataclass(frozen=True, slots=True)
class Asking:
    """What a backend is asked; of a directory, the file that is looked up."""

    part: Part
    backend: str
    places: tuple[str, ...]
    line: str | None  # the request line
    host: str | None
    file: str | None
    edits: tuple[str, ...]  # of the request's head
    answer_edits: tuple[str, ...]
    may_redirect: tuple[MayRedirect, ...]


@dataclass(frozen=True, slots=True)
class MayRedirect:
    """A redirect that a backend declares for what it is asked. `is_sure`: all of its target is known."""

    status: int
    location: str
    is_sure: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Share:
    """An arm, its share, and the places of its clients, from `low` to below `high`, in percent."""

    backend: str
    percent: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Overridden:
    """What puts the client on an arm instead of its place: a pin, or Edge-Arm. `arm`: from or to; `when`: in words."""

    by: str
    what: str
    arm: str
    when: str
    place: Place | None  # of the pin


@dataclass(frozen=True, slots=True)
class Arms:
    """How the client's arm is found."""

    kind: str  # split or cutover
    name: str
    shares: tuple[Share, ...]
    known_by: str
    place: float
    arm: str
    override: Overridden | None = None


class Keeping(StrEnum):
    """What a cache keeps."""

    ANSWERS = "answers"  # of a service
    FILES = "files"  # of a directory, of which the edge itself is the origin


@dataclass(frozen=True, slots=True)
class Kept:
    """What the rule's cache does with an answer. `why_not`: nothing, for this request."""

    of: Keeping
    why_not: str | None
    where: str
    key: tuple[str, ...]
    found: str  # for how long what was found is given
    negative: str  # and redirects, 404 and the like; of files, 404 alone
    codings: tuple[str, ...]  # that the edge gives it, the best first
    heeds_clients: bool
    tags: tuple[str, ...]
    verify: str | None
    only_if: str | None  # what the answer must say of itself


@dataclass(frozen=True, slots=True)
class Opening:
    """Of a rule's `during`. `change` is the next moment at which that changes, None: never."""

    is_open: bool
    change: str | None


@dataclass(frozen=True, slots=True)
class Hop:
    """What a client that follows redirects asks, and gets. `location` is None where the walk ends with an answer."""

    request: str
    rule: str | None
    place: Place | None
    does: str
    status: int | None
    location: str | None
    is_sure: bool  # False: a backend may redirect so


@dataclass(frozen=True, slots=True)
class Explanation:
    """None, and empty texts, stand for what there is not."""

    request: str
    client: str
    at: str
    call: str | None
    host: str | None
    host_kind: str | None
    passed_by: tuple[PassedBy, ...]
    left_out: int  # rules that ask for another host or path, and are not told
    taker: Taker | None
    answer: Own | None
    arms: Arms | None
    asks: tuple[Asking, ...]
    safety: str
    cache: Kept | None
    fallback: str
    shadow: str
    during: Opening | None
    limits: str
    upgrade: str
    walk: tuple[Hop, ...]
    end: str  # how the walk ends
