"""Everything of a request but its path, made finite: a few representative values for each thing that rules look at.

Laws of this module:
- rules tell requests apart only by finitely many sets. Each dimension has one value for each set of values that no
  rule tells apart, and membership is tested by the edge's own predicates (`conditions`);
- the first value of a dimension is the one that a witness should have: https, GET, no query, no headers, …;
- method and XML-RPC call are one dimension, for only a POST is a call: so every box is one of possible requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, assert_never
from urllib.parse import quote_plus

from edgeproxy.http.request import METHODS
from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.checker.asked import Asked
from edgeproxy.ruleset.checker.boxes import Box, first_point
from edgeproxy.ruleset.checker.clients import clients
from edgeproxy.ruleset.checker.literals import literal_parameters
from edgeproxy.ruleset.checker.moments import moments
from edgeproxy.ruleset.checker.values import ANY_HEADER, ANY_PARAMETER, Texts
from edgeproxy.ruleset.conditions import holds, is_open
from edgeproxy.ruleset.matching import CallIs, ClientIn, Condition, Facts, HeaderIs, Match, ParameterIs, Window
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.origins import DeclaredRedirect, Host, HttpBackend
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.read_during import written_moment

_FIRST_METHODS: Final = ("GET", "HEAD", "POST")
_SCHEMES: Final = (Scheme.HTTPS, Scheme.HTTP)


class Dimension(Enum):
    """Those that every ruleset has, by their position in a box; parameters and headers follow."""

    SCHEME = 0
    HOST = 1
    METHOD = 2
    CLIENT = 3
    MOMENT = 4


@dataclass(frozen=True, slots=True)
class Verb:
    """A method and the XML-RPC method that is called by it ("": an unreadable one; None: no call)."""

    method: str
    call: str | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str


@dataclass(frozen=True, slots=True)
class Header:
    name: str


Axis = Dimension | Parameter | Header


class TooManyFacets(Unsupported):
    """A dimension could not be made finite within bounds; `place` is that of a rule that looks at it."""

    def __init__(self, place: Place, reason: str) -> None:
        super().__init__(reason)
        self.place = place


class Facets:
    """The dimensions of some rulesets together; see the head of the module."""

    def __init__(self, ruleset: Ruleset, *others: Ruleset) -> None:
        """Raises TooManyFacets."""
        looked = _Looked((ruleset, *others))
        self.hosts: tuple[str, ...] = looked.hosts
        self.verbs: tuple[Verb, ...] = _verbs(looked.calls)
        self.clients: tuple[str, ...] = clients(network for each in looked.networks for network in each.networks)
        self.moments: tuple[float, ...] = looked.moments()
        self.texts: dict[Parameter | Header, Texts] = looked.texts()
        self.axes: tuple[Axis, ...] = (*Dimension, *self.texts)
        self._at: dict[Axis, int] = {axis: at for at, axis in enumerate(self.axes)}
        sizes = [len(_SCHEMES), len(self.hosts), len(self.verbs), len(self.clients), len(self.moments)]
        sizes += [len(each.values) for each in self.texts.values()]
        self.universe: Box = tuple((1 << size) - 1 for size in sizes)
        self._boxes: dict[object, Box | None] = {}

    def at(self, axis: Axis) -> int | None:
        """Its position in a box; None when no rule looks at such a parameter or header."""
        return self._at.get(axis)

    def box(self, match: Match) -> Box | None:
        """What a match takes, its path and `where` aside; None: nothing (conditions that exclude each other)."""
        key = (match.hosts, match.methods, match.schemes, match.conditions, match.during)
        if key not in self._boxes:
            self._boxes[key] = self._box(match)
        return self._boxes[key]

    def declared_box(self, redirect: DeclaredRedirect) -> Box | None:
        """What a backend's declared redirect takes of the requests that the backend is asked."""
        masks = self._masks(redirect.query)
        masks[Dimension.METHOD] = self.methods(redirect.methods)
        return self.with_masks(self.universe, masks)

    def methods(self, methods: Iterable[str]) -> int:
        """Without any: every method."""
        wanted = frozenset(methods)
        return _mask(not wanted or verb.method in wanted for verb in self.verbs)

    def schemes(self, schemes: Iterable[Scheme]) -> int:
        """Without any: every scheme."""
        wanted = frozenset(schemes)
        return _mask(not wanted or scheme in wanted for scheme in _SCHEMES)

    def host_names(self, names: Iterable[str]) -> int:
        wanted = frozenset(names)
        return _mask(name in wanted for name in self.hosts)

    def of_hosts(self, hosts: Iterable[Host]) -> int:
        return self.host_names(name for host in hosts for name in host.names)

    def with_masks(self, box: Box, masks: dict[Axis, int]) -> Box | None:
        """The box narrowed in some dimensions. Those that no rule looks at are passed over."""
        narrowed = list(box)
        for axis, mask in masks.items():
            at = self._at.get(axis)
            if at is not None:
                narrowed[at] &= mask
        return tuple(narrowed) if all(narrowed) else None

    def opened(self, box: Box, axes: Iterable[Axis]) -> Box:
        """The box with every value in some dimensions."""
        widened = list(box)
        for axis in axes:
            at = self._at.get(axis)
            if at is not None:
                widened[at] = self.universe[at]
        return tuple(widened)

    def asked(self, box: Box, path: str) -> Asked:
        """The nicest request of a box, for a path."""
        scheme, host, verb, client, moment, *texts = [bit.bit_length() - 1 for bit in first_point(box)]
        values = [(axis, each.values[at]) for (axis, each), at in zip(self.texts.items(), texts, strict=True)]
        query = [
            f"{quote_plus(axis.name)}={quote_plus(value)}"
            for axis, value in values
            if isinstance(axis, Parameter) and value is not None
        ]
        headers = [(axis.name, value) for axis, value in values if isinstance(axis, Header) and value is not None]
        return Asked(
            method=self.verbs[verb].method,
            scheme=_SCHEMES[scheme],
            host=self.hosts[host],
            path=path,
            query="&".join(query) or None,
            headers=tuple(headers),
            client=self.clients[client],
            call=self.verbs[verb].call,
            now=self.moments[moment],
        )

    def condition(self, asked: Asked) -> str | None:
        """What of a request its method and URL do not tell, in words, where rules look at it."""
        said = [f"the header {name}: {value}" for name, value in asked.headers]
        if asked.call is not None:
            said.append(f"an XML-RPC call of {asked.call!r}" if asked.call else "an XML-RPC call that cannot be read")
        if asked.client != self.clients[0]:
            said.append(f"the client {asked.client}" if asked.client else "a client of a Unix socket")
        if asked.now != self.moments[0]:
            said.append(f"the time {written_moment(asked.now)}")
        return f"with {', '.join(said)}" if said else None

    def _box(self, match: Match) -> Box | None:
        masks = self._masks(match.conditions)
        masks[Dimension.SCHEME] = self.schemes(match.schemes)
        masks[Dimension.HOST] = self.of_hosts(match.hosts)
        masks[Dimension.METHOD] = masks.get(Dimension.METHOD, -1) & self.methods(match.methods)
        if match.during:
            masks[Dimension.MOMENT] = _mask(any(is_open(each, at) for each in match.during) for at in self.moments)
        return self.with_masks(self.universe, masks)

    def _masks(self, conditions: Iterable[Condition]) -> dict[Axis, int]:
        masks: dict[Axis, int] = {}
        for condition in conditions:
            axis = axis_of(condition)
            masks[axis] = masks.get(axis, -1) & self._mask(condition)
        return masks

    def _mask(self, condition: Condition) -> int:
        match condition:
            case ParameterIs(name=name, value=wanted):
                return self.texts[Parameter(name)].mask(wanted)
            case HeaderIs(name=name, value=wanted):
                return self.texts[Header(name)].mask(wanted)
            case ClientIn():
                return _mask(holds(condition, Facts(client=client)) for client in self.clients)
            case CallIs():
                return _mask(holds(condition, Facts(call=verb.call)) for verb in self.verbs)
            case _:
                assert_never(condition)


def axis_of(condition: Condition) -> Axis:
    """The dimension that a condition looks at."""
    match condition:
        case ParameterIs(name=name):
            return Parameter(name)
        case HeaderIs(name=name):
            return Header(name)
        case ClientIn():
            return Dimension.CLIENT
        case CallIs():
            return Dimension.METHOD
        case _:
            assert_never(condition)


class _Looked:
    """What the rules and declared redirects of rulesets look at. Rules that are off look at nothing."""

    def __init__(self, rulesets: Sequence[Ruleset]) -> None:
        self._rulesets = rulesets
        self.hosts = tuple(dict.fromkeys(n for ruleset in rulesets for host in ruleset.hosts for n in host.names))
        self._conditions: list[tuple[Condition, Place]] = []
        self._windows: list[tuple[Window, Place]] = []
        for ruleset in rulesets:
            self._add(ruleset)

    def _add(self, ruleset: Ruleset) -> None:
        for rule in ruleset.rules:
            if rule.off is None:
                self._conditions += [(each, rule.place) for each in rule.match.conditions]
                self._windows += [(each, rule.place) for each in rule.match.during]
        for backend in ruleset.backends:
            if isinstance(backend, HttpBackend):
                for redirect in backend.declares.redirects:
                    self._conditions += [(each, redirect.place) for each in redirect.query]

    @property
    def calls(self) -> list[CallIs]:
        return [condition for condition, _ in self._conditions if isinstance(condition, CallIs)]

    @property
    def networks(self) -> Iterator[ClientIn]:
        return (condition for condition, _ in self._conditions if isinstance(condition, ClientIn))

    def moments(self) -> tuple[float, ...]:
        try:
            return moments([window for window, _ in self._windows])
        except Unsupported as error:
            raise TooManyFacets(self._windows[0][1], f"`during`: {error}") from None

    def texts(self) -> dict[Parameter | Header, Texts]:
        places: dict[Parameter | Header, Place] = {}
        matches: dict[Parameter | Header, list[ParameterIs | HeaderIs]] = {}
        for condition, place in self._conditions:
            if isinstance(condition, ParameterIs | HeaderIs):
                name = condition.name
                axis = Parameter(name) if isinstance(condition, ParameterIs) else Header(name)
                places.setdefault(axis, place)
                matches.setdefault(axis, []).append(condition)
        written = literal_parameters(self._rulesets) if any(isinstance(each, Parameter) for each in matches) else {}
        return {axis: _texts(axis, each, written, places[axis]) for axis, each in matches.items()}


def _texts(
    axis: Parameter | Header, conditions: Sequence[ParameterIs | HeaderIs], written: dict[str, set[str]], place: Place
) -> Texts:
    values = [condition.value for condition in conditions]
    try:
        if isinstance(axis, Parameter):
            return Texts(values, ANY_PARAMETER, written.get(axis.name, ()))
        return Texts(values, ANY_HEADER)
    except Unsupported as error:
        kind = "query parameter" if isinstance(axis, Parameter) else "header"
        raise TooManyFacets(place, f"the {kind} {axis.name!r}: {error}") from None


def _verbs(calls: Sequence[CallIs]) -> tuple[Verb, ...]:
    names = sorted(method.decode() for method in METHODS - {b"TRACE"})
    plain = [Verb(name) for name in (*_FIRST_METHODS, *(name for name in names if name not in _FIRST_METHODS))]
    if not calls:
        return tuple(plain)
    called = sorted({name for each in calls for name in each.methods or ()})
    unnamed = next(name for name in _unnamed() if name not in called)
    return (*plain, *(Verb("POST", name) for name in dict.fromkeys((*called, unnamed, ""))))


def _unnamed() -> Iterator[str]:
    """Names of calls, until one is that of no rule."""
    yield "other"
    number = 1
    while True:
        yield f"other{number}"
        number += 1


def _mask(chosen: Iterable[bool]) -> int:
    return sum(1 << at for at, is_in in enumerate(chosen) if is_in)
