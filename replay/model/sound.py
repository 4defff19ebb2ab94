"""Whether a model that was read can be drawn from, and says nothing that is no request. Whoever wrote it, nothing of
it may become two requests, or go on for ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from replay.model.agents import Agent, places_in
from replay.model.arrivals import Arrivals
from replay.model.model import END, Client, Model, Route, Walk
from replay.model.popularity import MOST_ITEMS, PowerLaw
from replay.schedule.rewriting import goes_along
from replay.sending.wire import SENDERS

_METHODS: Final = ("GET", "HEAD", "OPTIONS", "POST")
_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,253}(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?")
_PATH: Final = re.compile(r"/[!\"$-~]*")
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,80}")
_VALUE: Final = re.compile(r"[\t -~]*")
_SHORTEST: Final = 1e-3  # seconds that a state lasts: of shorter ones there would be no end
_FASTEST: Final = 1e5  # sessions a second
_STEEPEST: Final = 10.0
_LONGEST_WALK: Final = 1_000_000


def problems_of(model: Model) -> Iterator[str]:
    """Each with its place."""
    names = [route.name for route in model.routes]
    if not names or not model.clients:
        yield "it has no routes or no clients"
    if len(set(names)) < len(names):
        yield "routes: two have one name"
    yield from _of_arrivals(model.arrivals)
    for route in model.routes:
        yield from (f"routes: {route.name}: {problem}" for problem in _of_route(route))
    if not _can_choose([client.share for client in model.clients]):
        yield "clients: no kind has a share"
    for client in model.clients:
        yield from (f"clients: {client.kind}: {problem}" for problem in _of_client(client, frozenset(names)))


def _of_arrivals(arrivals: Arrivals) -> Iterator[str]:
    if min(arrivals.busy_for, arrivals.quiet_for) < _SHORTEST:
        yield f"arrivals: `busy_for` and `quiet_for` are at least {_SHORTEST:g} s"
    elif arrivals.rate <= 0:
        yield "arrivals: no session would ever begin"
    if max(arrivals.busy_rate, arrivals.quiet_rate) > _FASTEST:
        yield f"arrivals: `busy_rate` and `quiet_rate` are at most {_FASTEST:,.0f} sessions a second"


def _of_route(route: Route) -> Iterator[str]:
    if route.method not in _METHODS:
        yield f"`method` is none of {', '.join(_METHODS)}"
    is_path = _PATH.fullmatch(route.path) is not None
    if route.scheme not in ("http", "https") or _HOST.fullmatch(route.host) is None or not is_path:
        yield "`scheme`, `host` and `path` are no URL"
    if route.popularity is not None:
        yield from _of_law(route.popularity)
    for parameter in route.query:
        if any(_VALUE.fullmatch(value) is None or " " in value or "#" in value for value in parameter.values):
            yield f"a value of `{parameter.name}` cannot stand in a URL"
        if parameter.values and not _can_choose(parameter.values.values()):
            yield f"`{parameter.name}` has no value with a share"


def _of_client(client: Client, routes: frozenset[str]) -> Iterator[str]:
    if "*" not in client.pauses:
        yield "`pauses` of `*` are not there"
    if not _can_choose([walk.share for walk in client.walks]):
        yield "`walks` has none with a share"
    for walk in client.walks:
        yield from _of_walk(walk, routes)
    if client.agents and not _can_choose([agent.share for agent in client.agents]):
        yield "`agents` has none with a share"
    for agent in client.agents:
        yield from _of_agent(agent)
    for name, sets in client.headers.items():
        if not _can_choose([each.share for each in sets]):
            yield f"`headers` of {name!r} has none with a share"
        if not all(_is_field(*field) for each in sets for field in each.fields):
            yield f"`headers` of {name!r} has one that is no header, or not for a model to say"
    for law in client.popularity.values():
        yield from _of_law(law)


def _of_walk(walk: Walk, routes: frozenset[str]) -> Iterator[str]:
    steps = [*walk.next.values(), *walk.done.values()]
    named = {*walk.first, *walk.next, *walk.done, *(step.to for each in steps for step in each)} - {END}
    unknown = sorted(named - routes)
    if unknown or END in walk.first:
        yield f"`walks`: there is no route {(unknown or [END])[0]!r}"
    if not _can_choose(walk.first.values()) or not all(_can_choose([step.share for step in each]) for each in steps):
        yield "`walks`: `first`, `next` or `done` has nothing with a share"
    if not 1 <= walk.least <= walk.most <= _LONGEST_WALK:
        yield f"`walks`: `least` is from 1 to `most`, and that at most {_LONGEST_WALK:,}"


def _of_agent(agent: Agent) -> Iterator[str]:
    is_known = all(1 <= place <= len(agent.parts) for place in places_in(agent.form))
    if _VALUE.fullmatch(agent.form) is None or not is_known:
        yield "`agents`: a form has a place without a part, or what no header has"
    for number, part in enumerate(agent.parts, 1):
        if part.same_as is not None and not 1 <= part.same_as < number:
            yield "`agents`: `same_as` is an earlier part"
        if not _can_choose(part.values.values()) or any(_VALUE.fullmatch(value) is None for value in part.values):
            yield "`agents`: a part has no value with a share, or one that no header has"


def _of_law(law: PowerLaw) -> Iterator[str]:
    if law.head > _STEEPEST or law.tail > _STEEPEST or not 1 <= law.turn <= MOST_ITEMS or law.items < 1:
        yield f"`popularity`: exponents are at most {_STEEPEST:g}, `turn` and `items` from 1 to {MOST_ITEMS:,}"


def _is_field(name: str, value: str) -> bool:
    """Nor one that lets anybody in, or makes another request of it, as a replay says none."""
    if _NAME.fullmatch(name) is None or _VALUE.fullmatch(value) is None:
        return False
    return name.lower() not in SENDERS and goes_along(name.lower())


def _can_choose(shares: Iterable[float]) -> bool:
    return sum(shares) > 0
