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
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import TYPE_CHECKING, Literal, assert_never

from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.arms import Cutover, Split
from edgeproxy.ruleset.caches import DEFAULT_CACHE, CacheSettings
from edgeproxy.ruleset.limits import Limits
from edgeproxy.ruleset.listeners import Listener
from edgeproxy.ruleset.matching import NO_FACTS, Facts, Match
from edgeproxy.ruleset.modifiers import NO_MODIFIERS, Modifiers
from edgeproxy.ruleset.origins import Backend, Host
from edgeproxy.ruleset.place import Place

if TYPE_CHECKING:
    from edgeproxy.ruleset.candidates import Candidates
    from edgeproxy.ruleset.moves import Moves
    from edgeproxy.ruleset.router import Router
    from edgeproxy.ruleset.template import TargetTemplate


@dataclass(frozen=True, slots=True)
class Forward:
    to: Backend | Split | Cutover


@dataclass(frozen=True, slots=True)
class Redirect:
    """`lifetime` in seconds becomes Cache-Control: max-age; None leaves it to the client, which may mean for ever."""

    to: TargetTemplate
    status: int
    lifetime: float | None


@dataclass(frozen=True, slots=True)
class RedirectMap:
    """`redirect: {map: ...}`: a redirect for each of a file's paths. The rule takes these and no other path."""

    moves: Moves
    status: int
    lifetime: float | None


@dataclass(frozen=True, slots=True)
class Fault:
    """An XML-RPC fault, of which the body of a Respond is made."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Respond:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    fault: Fault | None = None

    def header(self, name: str) -> str | None:
        """The value of the first header with this name, which is in lower case."""
        return next((value for its, value in self.headers if its.lower() == name), None)


@dataclass(frozen=True, slots=True)
class Files:
    """Files of a directory; `path`, when given, says from the captures where below it (else the request's path)."""

    directory: Path
    path: TargetTemplate | None


Action = Forward | Redirect | RedirectMap | Respond | Files


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    index: int  # position in the file, from 0; the lowest index that matches wins
    match: Match
    action: Action
    place: Place
    modifiers: Modifiers = NO_MODIFIERS
    off: str | None = None  # why the rule is meant to be dead: it takes nothing

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
    digest: str  # hex BLAKE2b of the sources read, in reading order, and of the maps that they name
    listen: tuple[Listener, ...]
    trusted_proxies: tuple[IPv4Network | IPv6Network | Literal["unix"], ...]  # whose word on the client is believed
    limits: Limits
    hosts: tuple[Host, ...]
    backends: tuple[Backend, ...]
    splits: tuple[Split, ...]
    cutovers: tuple[Cutover, ...]
    rules: tuple[Rule, ...]
    router: Router = field(repr=False)
    sources: Mapping[str, str] = field(repr=False)  # the texts of the files read, by name: messages quote them
    cache: CacheSettings = DEFAULT_CACHE
    arm_token: Path | None = None  # the file whose first line lets a client say on which arm of cutovers it is

    @property
    def has_rates(self) -> bool:
        """Whether any rule limits how often a client may ask."""
        return any(rule.modifiers.limits.rate is not None for rule in self.rules)

    @property
    def has_caches(self) -> bool:
        """Whether any rule keeps answers."""
        return any(rule.modifiers.cache is not None for rule in self.rules)

    @property
    def takes_purges(self) -> bool:
        """Whether PURGE is the edge's own method."""
        return self.cache.purge_token is not None and self.has_caches

    @property
    def maps(self) -> Mapping[Path, Moves]:
        """By their files, as people know them."""
        actions = (rule.action for rule in self.rules)
        return {action.moves.file: action.moves for action in actions if isinstance(action, RedirectMap)}

    def route(self, method: str, scheme: Scheme, host: str, path: str, facts: Facts = NO_FACTS) -> Routing:
        """The first rule, in file order, for a normalised host and path."""
        return self.router.route(method, scheme, host, path, facts)

    def candidates(self, method: str, scheme: Scheme, host: str, path: str, query: str | None) -> Candidates:
        """What the request line decides, and what it leaves to headers, client, call and time."""
        return self.router.candidates(method, scheme, host, path, query)


def describe_action(action: Action) -> str:
    """One short phrase for traces: what the action does with the request."""
    match action:
        case Forward(to=target):
            return f"forward to {target.name}"
        case Redirect(to=to, status=status):
            return f"redirect {status} to {to}"
        case RedirectMap(moves=moves, status=status):
            return f"redirect {status} by {moves.file}"
        case Respond(fault=Fault(code=code)):
            return f"respond with the XML-RPC fault {code}"
        case Respond(status=status):
            return f"respond {status}"
        case Files(directory=directory):
            return f"files from {directory}"
        case _:
            assert_never(action)
