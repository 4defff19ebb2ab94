"""What a request must be for a rule to take it.

Laws of this module:
- a match is a conjunction: hosts, schemes, methods, path, predicates on the path's captures (`where`), conditions
  on the rest of the request, and windows of time (`during`, of which one must be open);
- path, host, scheme, method and `where` follow from the request line and the Host alone; `conditions` and `during`
  look at `Facts`, which a rule without them never needs;
- every one of them is a regular set of texts, a set of networks or a set of moments: the checker reasons about them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Final

from edgeproxy.http.target import Scheme

if TYPE_CHECKING:
    from edgeproxy.ruleset.origins import Host
    from edgeproxy.ruleset.template import PathTemplate


# -- values ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OneOf:
    """The value is one of these."""

    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class Begins:
    """The value begins with this text."""

    text: str


@dataclass(frozen=True, slots=True)
class Matches:
    """A regular expression (RE2) matches the value from end to end."""

    regex: str
    test: Callable[[str], bool] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Presence:
    """There is a value, whatever it is; or, not `wanted`, there is none."""

    wanted: bool


ValueMatch = OneOf | Begins | Matches | Presence  # all but Presence(False) need a value


# -- predicates on captures -----------------------------------------------------------------------------------------


class Form(StrEnum):
    """Spellings that a filter makes: a value has the form when the filter leaves it as it is."""

    LOWER = "lower"
    PEP503 = "pep503"
    SAFE_LOWER = "safe_lower"


@dataclass(frozen=True, slots=True)
class InForm:
    """The capture has this form (`normalized`); or, not `wanted`, has it not (`not_normalized`)."""

    form: Form
    wanted: bool


@dataclass(frozen=True, slots=True)
class Among:
    """The capture is one of these, in the spelling of normalised paths; or, not `wanted`, none of them."""

    values: frozenset[str]
    wanted: bool


@dataclass(frozen=True, slots=True)
class Fits:
    """A regular expression matches the capture from end to end; or, not `wanted`, does not."""

    regex: str
    wanted: bool
    test: Callable[[str], bool] = field(compare=False, repr=False)


Predicate = InForm | Among | Fits


@dataclass(frozen=True, slots=True)
class Where:
    """A predicate on one capture of the path."""

    capture: str
    predicate: Predicate


# -- conditions on the rest of the request --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ParameterIs:
    """A query parameter: name and value are compared decoded, and of several with one name the first counts."""

    name: str
    value: ValueMatch


@dataclass(frozen=True, slots=True)
class HeaderIs:
    """A header, by its name in lower case. Several of one name are one, joined by `, ` (RFC 9110 §5.3)."""

    name: str
    value: ValueMatch


@dataclass(frozen=True, slots=True)
class ClientIn:
    """The client's address is in one of these networks. A client of a Unix socket is in none."""

    networks: tuple[IPv4Network | IPv6Network, ...]


@dataclass(frozen=True, slots=True)
class CallIs:
    """An XML-RPC call of one of these methods; None: of any, also one whose body cannot be read."""

    methods: frozenset[str] | None


Condition = ParameterIs | HeaderIs | ClientIn | CallIs


@dataclass(frozen=True, slots=True)
class Window:
    """Moments from `start` to before `end` (seconds since the epoch; None: no bound), and of these only the `first`
    seconds of each period, counted `after` its beginning. Periods of `each` seconds begin at the epoch, so that hours
    and days are those of UTC; None: no periods, every moment between start and end.
    """

    start: float | None = None
    end: float | None = None
    each: float | None = None
    after: float = 0.0
    first: float = 0.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What conditions look at. Headers are by name in lower case; `now` is in seconds since the epoch."""

    query: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    client: str = ""
    call: str | None = None  # the XML-RPC method, "" when it cannot be read; None: no XML-RPC call
    now: float = 0.0


NO_FACTS: Final = Facts()


@dataclass(frozen=True, slots=True)
class Match:
    """Empty `methods` or `schemes` mean every one; no `during`, every moment."""

    hosts: tuple[Host, ...]
    path: PathTemplate | PathRegex
    methods: frozenset[str]
    schemes: frozenset[Scheme] = frozenset()
    where: tuple[Where, ...] = ()
    conditions: tuple[Condition, ...] = ()
    during: tuple[Window, ...] = ()

    @property
    def is_conditional(self) -> bool:
        """Whether more than the request line and the Host decides."""
        return bool(self.conditions or self.during)


@dataclass(frozen=True, slots=True)
class PathRegex:
    """`path: {regex: ...}`: all of a normalised path; its named groups are the captures, which may hold slashes."""

    source: str
    captures: tuple[str, ...]
    hollow: frozenset[str]  # the captures that may be empty, or take no part in a match and then are empty
    split: Callable[[str], Mapping[str, str] | None] = field(compare=False, repr=False)

    def __str__(self) -> str:
        return self.source

    def match(self, path: str) -> Mapping[str, str] | None:
        """The captures of a normalised path, or None."""
        return self.split(path)

    def may_be_empty(self, name: str) -> bool:
        return name in self.hollow

    def may_hold_slashes(self, name: str) -> bool:
        return name in self.captures
