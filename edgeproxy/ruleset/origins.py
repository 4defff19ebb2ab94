"""Hosts that the edge answers for, and backends that it asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from edgeproxy.ruleset.listeners import Address, Certificate
from edgeproxy.ruleset.place import Place

if TYPE_CHECKING:
    from edgeproxy.ruleset.matching import ParameterIs, Where
    from edgeproxy.ruleset.template import PathTemplate, TargetTemplate


class HostKind(StrEnum):
    APP = "app"
    CONTENT = "content"  # serves user-uploaded bytes and nothing else


@dataclass(frozen=True, slots=True)
class Host:
    """A group of host names that rules speak of by one name."""

    name: str
    names: tuple[str, ...]
    kind: HostKind
    place: Place = field(default=Place("", 1, 1), compare=False)  # of its table in the rule file


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long the edge waits for a backend, in seconds."""

    connect: float = 3.0  # until the connection stands, TLS included; also how long a request waits for a free one
    head: float = 60.0  # from the last byte of the request to the end of the answer's head
    between: float = 15.0  # between two reads, or writes, of a body
    total: float = 3600.0  # from the request's head to the answer's last byte, retries included


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One place where a backend is. The weight is its share beside the others'."""

    address: Address
    weight: int = 1


@dataclass(frozen=True, slots=True)
class BackendTls:
    """TLS to a backend, always verified. `ca` None: the system's; `name` is what the certificate must be for, and
    the SNI; None: the endpoint's host. `certificate` is the edge's own, when the backend asks for one.
    """

    ca: Path | None = None
    name: str | None = None
    certificate: Certificate | None = None


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """An endpoint is asked for `path` every `interval` seconds. `unhealthy` failures in a row take it out, `healthy`
    successes in a row bring it back. A success is a status from 200 to 399 within `timeout`.
    """

    path: str
    interval: float = 3.0
    timeout: float = 2.0
    healthy: int = 2
    unhealthy: int = 3


@dataclass(frozen=True, slots=True)
class Ejection:
    """Passive ejection: after `failures` in a row (no connection, no answer, 502, 503, 504) an endpoint gets no
    requests for `period` seconds, doubled each time it comes again, up to `most`. The last one is never ejected.
    """

    failures: int = 5
    period: float = 10.0
    most: float = 300.0


@dataclass(frozen=True, slots=True)
class Circuit:
    """What one worker puts on a backend at most; more is answered with 503 at once."""

    connections: int = 1024  # open to all its endpoints, tunnels included
    pending: int = 1024  # requests that wait for a connection
    retries: int = 16  # at once


@dataclass(frozen=True, slots=True)
class Unknown:
    """A part of a declared redirect's target that the backend chooses and nobody else knows: any segment, or one that a
    regular expression matches, or (`of`) the author's own spelling of the project that this capture names, which is one
    spelling for each project.

    `name` is what the target's template calls it.
    """

    name: str
    of: str | None = None
    regex: str | None = None


@dataclass(frozen=True, slots=True)
class DeclaredRedirect:
    """A redirect that a backend is known to give: which of the paths it is asked for, and where to.

    A `to` that is a path stays on the host that the client asked. `lifetime` is what its Cache-Control says, in
    seconds; None: nothing, so that a 301 or 308 may be kept for ever. Empty `methods` mean every one.
    """

    path: PathTemplate
    methods: frozenset[str]
    where: tuple[Where, ...]
    query: tuple[ParameterIs, ...]
    to: TargetTemplate
    status: int
    lifetime: float | None
    place: Place
    unknown: tuple[Unknown, ...] = ()


@dataclass(frozen=True, slots=True)
class DeclaredRead:
    """What a backend reads of the requests for some of its paths: a rule that strips it is found (drift)."""

    path: PathTemplate
    query: frozenset[str]
    methods: frozenset[str]
    headers: frozenset[str]  # names in lower case, such as `range`
    place: Place


@dataclass(frozen=True, slots=True)
class Declarations:
    """What the author of a rule file says of a backend, for the checker only."""

    redirects: tuple[DeclaredRedirect, ...] = ()
    reads: tuple[DeclaredRead, ...] = ()


@dataclass(frozen=True, slots=True)
class HttpBackend:
    """An origin asked over HTTP/1.1. `authority` is the Host header it is sent (RFC 9110 §7.2); `slow_start` is how
    many seconds an endpoint takes to its whole share after it came back.
    """

    name: str
    endpoints: tuple[Endpoint, ...]
    authority: str
    timeouts: Timeouts = Timeouts()
    tls: BackendTls | None = None
    health: HealthCheck | None = None
    ejection: Ejection = Ejection()
    circuit: Circuit = Circuit()
    slow_start: float = 0.0
    declares: Declarations = Declarations()


@dataclass(frozen=True, slots=True)
class DirectoryBackend:
    """A directory whose files are answers: the request's path is looked up below it."""

    name: str
    directory: Path


Backend = HttpBackend | DirectoryBackend
