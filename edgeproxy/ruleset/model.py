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
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import TYPE_CHECKING, Literal, assert_never

from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.limits import Limits

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
class InetAddress:
    """A TCP address. `host` is an IP address (without brackets), for a backend also a name; port 0 asks the system
    for a free one.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A Unix socket."""

    path: Path

    def __str__(self) -> str:
        return f"unix:{self.path}"


Address = InetAddress | UnixAddress


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its chain, and its key: PEM files. Their names (SAN) say for which SNI it is taken."""

    cert: Path
    key: Path


@dataclass(frozen=True, slots=True)
class ClientCertificates:
    """Mutual TLS: who signs clients' certificates. Not `required`: a client may come without one."""

    ca: Path
    required: bool


@dataclass(frozen=True, slots=True)
class Listener:
    """Where the edge accepts connections. Without certificates it is plain HTTP.

    `proxy_protocol`: a connection from a trusted proxy begins with a PROXY header, which says who the client is.
    """

    address: Address
    certificates: tuple[Certificate, ...] = ()
    clients: ClientCertificates | None = None
    proxy_protocol: bool = False

    @property
    def scheme(self) -> Scheme:
        return Scheme.HTTPS if self.certificates else Scheme.HTTP

    def __str__(self) -> str:
        if isinstance(self.address, UnixAddress):
            return str(self.address)
        return f"{self.scheme}://{self.address}"


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
    """What a request must be for a rule to take it. Empty `methods` or `schemes` mean every one."""

    hosts: tuple[Host, ...]
    path: PathTemplate
    methods: frozenset[str]
    schemes: frozenset[Scheme] = frozenset()


@dataclass(frozen=True, slots=True)
class Rate:
    """A client's requests: one each `interval` seconds, and `burst` at once. `text` is how a rule file says it."""

    interval: float
    burst: int
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class RuleLimits:
    """What one exchange under a rule may take: octets of the request's body (None: the edge's limit), seconds in all
    (None: the backend's `total`), and requests per client.
    """

    body: int | None = None
    time: float | None = None
    rate: Rate | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    index: int  # position in the file, from 0; the lowest index that matches wins
    match: Match
    action: Action
    place: Place
    limits: RuleLimits = RuleLimits()
    upgrade: frozenset[str] = frozenset()  # protocols, in lower case, that a client may switch to (RFC 9110 §7.8)

    def takes(self, scheme: Scheme) -> bool:
        return not self.match.schemes or scheme in self.match.schemes


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
    listen: tuple[Listener, ...]
    trusted_proxies: tuple[IPv4Network | IPv6Network | Literal["unix"], ...]  # whose word on the client is believed
    limits: Limits
    hosts: tuple[Host, ...]
    backends: tuple[Backend, ...]
    splits: tuple[Split, ...]
    rules: tuple[Rule, ...]
    router: Router = field(repr=False)

    @property
    def has_rates(self) -> bool:
        """Whether any rule limits how often a client may ask."""
        return any(rule.limits.rate is not None for rule in self.rules)

    def route(self, method: str, scheme: Scheme, host: str, path: str) -> Routing:
        """The first rule, in file order, for a normalised host and path."""
        return self.router.route(method, scheme, host, path)


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
