"""A model fitted to a capture's safe requests.

Laws of this module:
- only what is declared safe is looked at; a look-alike of what writes would write;
- of texts nothing stays that fewer than `least` clients share (`sharing`), and of figures only such as are of many
  requests, rounded; what is left out is counted;
- since one client may have many networks, of what clients say as they like nothing stays but what is known to be
  nobody's own (`vocabulary`); names and values of parameters, and names of calls, that are not need as many user
  agents, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from edgeproxy.capture.record import Captured
from edgeproxy.capture.safety import SafetyClass
from edgeproxy.migration.comparing.families import OTHER
from replay.model import arrivals
from replay.model.asked import is_of_known_words, may_be_told
from replay.model.kinds import client_of
from replay.model.model import VERSION, About, Client, Model, Route
from replay.model.popularity import PowerLaw
from replay.model.routes import Drawn, drawn_of, law_of, route_of
from replay.model.rows import SESSION_GAP, Full, Told, full_of, sessions_of, told
from replay.model.sharing import LEAST, Tally

_LEAST_SECONDS = 1.0
_REPEATED = ("client", "network", "route", "space", "thing", "file", "item", "host", "connection", "key", "values")


class CannotFit(ValueError):
    """There is nothing to fit; the message says why, and what to do."""


def fit(records: Iterable[Captured], least: int = LEAST) -> Model:
    """Raises CannotFit."""
    left: Counter[str] = Counter()
    rows = rows_of(records, left)
    if not rows:
        raise CannotFit(_nothing(left))
    kept = shared_rows(rows, least, left)
    networks = {row.network for row in rows}
    if not kept:
        raise CannotFit(
            f"nothing is shared by {least} clients: {len(networks)} are told apart, by the networks of their addresses"
        )
    sessions = [list(told(session)) for session in sessions_of(kept, SESSION_GAP)]
    begin, end = rows[0].time, rows[-1].time
    seconds = max(end - begin, _LEAST_SECONDS)
    starts = [session[0].row.time - begin for session in sessions]
    drawn = drawn_of(sessions)
    routes = _routes(kept, drawn, least)
    by_kind = _by_kind(sessions)
    clients = [client_of(kind, by_kind[kind], len(sessions), least) for kind in by_kind]
    whole = tuple(_with_laws(client, drawn, routes) for client in clients if client is not None)
    if not whole:
        raise CannotFit(f"no kind of client does the same as another {least - 1} do")
    about = About(len(kept), len(sessions), round(seconds, 1), len(networks), least, SESSION_GAP, dict(left))
    return Model(VERSION, about, arrivals.fit(starts, seconds), routes, whole)


def rows_of(records: Iterable[Captured], left: Counter[str]) -> list[Full]:
    """In order of time. `left` counts those that are not safe."""
    rows: list[Full] = []
    known: dict[object, Any] = {}  # what many rows say is there once
    for record in records:
        if record.safety is SafetyClass.SAFE:
            row = full_of(record)
            for name in _REPEATED:
                value = getattr(row, name)
                setattr(row, name, known.setdefault(value, value))
            rows.append(row)
        else:
            left[str(record.safety)] += 1
    rows.sort(key=lambda row: row.time)
    return rows


def shared_rows(rows: Sequence[Full], least: int, left: Counter[str]) -> list[Full]:
    """Those on routes that enough clients share, of kinds that do; kinds of few clients are `other`."""
    routes: Tally[str] = Tally(least)
    kinds: Tally[str] = Tally(least)
    agents: Tally[str] = Tally(least)  # by user agent
    for row in rows:
        routes.add(row.route, row.network)
        kinds.add(row.kind, row.network)
        if not is_of_known_words(row.key):
            agents.add(row.route, row.agent)
    for row in rows:
        if not kinds.is_shared(row.kind):
            row.kind = OTHER
    again: Tally[str] = Tally(least)
    for row in rows:
        again.add(row.kind, row.network)
    shared = (row for row in rows if routes.is_shared(row.route) and again.is_shared(row.kind))
    kept = [
        row for row in shared if (is_of_known_words(row.key) or agents.is_shared(row.route)) and may_be_told(row.key)
    ]
    if len(kept) < len(rows):
        left["not shared"] = len(rows) - len(kept)
    return kept


def _nothing(left: Mapping[str, int]) -> str:
    told = ", ".join(f"{count:,} {name}" for name, count in left.items())
    if not told:
        return "there are no requests"
    return f"no request is declared safe: {told}; --rules RULES says what rules declare of logs that do not know it"


def _routes(rows: Sequence[Full], drawn: Drawn, least: int) -> tuple[Route, ...]:
    by_route: dict[str, list[Full]] = {}
    for row in rows:
        by_route.setdefault(row.route, []).append(row)
    every = law_of(drawn.by_route.values())
    made = (route_of(of_route, len(rows), drawn, every, least) for of_route in by_route.values())
    return tuple(sorted(made, key=lambda route: (-route.share, route.name)))


def _by_kind(sessions: Iterable[Sequence[Told]]) -> Mapping[str, list[Sequence[Told]]]:
    by_kind: dict[str, list[Sequence[Told]]] = {}
    for session in sessions:
        by_kind.setdefault(session[0].row.kind, []).append(session)
    return dict(sorted(by_kind.items(), key=lambda pair: -len(pair[1])))


def _with_laws(client: Client, drawn: Drawn, routes: Sequence[Route]) -> Client:
    laws: dict[str, PowerLaw] = {}
    for route in routes:
        if (law := drawn.own_law(client.kind, route.name)) is not None:
            laws[route.name] = law
    return replace(client, popularity=laws)
