"""What one kind of client does: how long its sessions are, what follows what, after which pause, with which headers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from replay.model.agents import Agent, Agents
from replay.model.headers import HeaderSet, HeaderSets, is_conditional
from replay.model.model import Client
from replay.model.quantiles import Quantiles
from replay.model.rows import Full, Told
from replay.model.sharing import Tally, rounded
from replay.model.walks import walks_of

_MOST_LANES = 8  # connections of a session to a host that are looked back at

Sessions = Sequence[Sequence[Told]]


def client_of(kind: str, sessions: Sessions, all_sessions: int, least: int) -> Client | None:
    """None: what its clients do first, no two of them share."""
    walks = tuple(walks_of(sessions, least))
    if not walks:
        return None
    return Client(
        kind=kind,
        share=rounded(len(sessions) / all_sessions, 4),
        walks=walks,
        pauses=_pauses(sessions, least),
        agents=_agents(sessions, least),
        headers=_headers(sessions, least),
        conditional=_conditional(sessions, least),
        popularity={},
        sticks=_sticks(sessions),
        reuse=_reuse(sessions),
    )


def _pauses(sessions: Sessions, least: int) -> Mapping[str, Quantiles]:
    """Before the requests of each route that enough clients ask for after another; `*`: of any."""
    gaps: dict[str, list[float]] = {"*": []}
    who: Tally[str] = Tally(least)
    for told in _all(sessions):
        if told.before is not None:
            gap = told.row.time - told.before.time
            gaps["*"].append(gap)
            gaps.setdefault(told.row.route, []).append(gap)
            who.add(told.row.route, told.row.network)
    kept = {route: Quantiles.of(seen, least) for route, seen in gaps.items() if who.is_shared(route)}
    return {**kept, "*": Quantiles.of(gaps["*"] or [0.0], least)}


def _agents(sessions: Sessions, least: int) -> tuple[Agent, ...]:
    agents = Agents(least)
    for session in sessions:
        row = session[0].row
        if isinstance(row, Full) and "user-agent" in row.headers:
            agents.add(row.headers["user-agent"], row.network)
    return agents.fitted()


def _headers(sessions: Sessions, least: int) -> Mapping[str, tuple[HeaderSet, ...]]:
    sets: dict[str, HeaderSets] = {}
    for told in _all(sessions):
        if isinstance(told.row, Full):
            sets.setdefault(told.row.route, HeaderSets(least)).add(told.row.headers, told.row.network)
    fitted = {route: each.fitted() for route, each in sets.items()}
    return {route: each for route, each in fitted.items() if each}


def _conditional(sessions: Sessions, least: int) -> Mapping[str, float]:
    asked: Counter[str] = Counter()
    conditional: Tally[str] = Tally(least)
    for told in _all(sessions):
        asked[told.row.route] += 1
        if isinstance(told.row, Full) and is_conditional(told.row.headers):
            conditional.add(told.row.route, told.row.network)
    return {route: rounded(count / asked[route], 3) for route, count in conditional.shared().items()}


def _sticks(sessions: Sessions) -> float:
    seen = [told.sticks for told in _all(sessions) if told.sticks is not None]
    return rounded(sum(seen) / len(seen), 2) if seen else 1.0


def _reuse(sessions: Sessions) -> float:
    """Of requests to a host that the session has asked before, those that go over a connection it has."""
    used = again = 0
    for session in sessions:
        lanes: dict[str, list[str]] = {}
        for told in session:
            if not told.row.connection:
                continue
            known = lanes.setdefault(told.row.host, [])
            if known:
                again += 1
                used += told.row.connection in known
            if told.row.connection not in known:
                known.append(told.row.connection)
                del known[:-_MOST_LANES]
    return rounded(used / again, 3) if again else 1.0


def _all(sessions: Sessions) -> Iterable[Told]:
    return (told for session in sessions for told in session)
