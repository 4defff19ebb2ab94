"""Requests as a fit and a check see them, and sessions cut out of them; of a capture, or of a model's own traffic.

A session is what one client (its network and its user agent) asks for until it is silent for SESSION_GAP.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from edgeproxy.capture.record import Captured
from edgeproxy.migration.comparing.families import family_of
from replay.model.asked import RouteKey, asked_of, places_of
from replay.model.model import Relation

SESSION_GAP: Final = 60.0  # seconds
PROJECTS: Final = "*"


@dataclass(slots=True)
class Row:
    """`client` is whose session it is of, `network` who counts for what is shared. `thing`: which of the many on its
    route; None where there is one.
    """

    time: float
    client: str
    network: str
    kind: str
    route: str
    space: str
    thing: str | None
    file: str | None
    item: str
    octets: int = 0
    host: str = ""
    connection: str = ""


@dataclass(slots=True)
class Full(Row):
    """With what only a capture has."""

    key: RouteKey = field(default_factory=lambda: RouteKey("", "", "", ""))
    rule: str = ""
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    values: tuple[tuple[str, str], ...] = ()

    @property
    def agent(self) -> str:
        return self.headers.get("user-agent", "")


@dataclass(slots=True)
class Told:
    """A request of a session, with what it has to do with those before it."""

    row: Row
    relation: Relation
    before: Row | None
    was_done: bool  # whether, after that one, nothing that the session had asked for was left for its route
    sticks: bool | None = None  # whether it is for the file that the session has asked for; None: no matter of that


def full_of(record: Captured) -> Full:
    asked = asked_of(record)
    agent = record.headers.get("user-agent", "")
    network = record.client or ""
    places = places_of(asked.route.path)
    thing = asked.project or (asked.item if places or asked.values or record.body else None)
    return Full(
        record.time,
        f"{network} {agent}" if network or agent else (record.connection or ""),
        network,
        family_of(agent),
        str(asked.route),
        PROJECTS if asked.project is not None else str(asked.route),
        thing,
        asked.file,
        asked.item,
        record.octets or 0,
        asked.route.host,
        record.connection or "",
        asked.route,
        record.rule or "",
        record.status,
        record.headers,
        asked.values,
    )


def sessions_of(rows: Iterable[Row], gap: float = SESSION_GAP) -> list[list[Row]]:
    """Rows are in order of time; sessions are by their beginnings."""
    open_ones: dict[str, list[Row]] = {}
    sessions: list[list[Row]] = []
    for row in rows:
        session = open_ones.get(row.client)
        if session is None or row.time - session[-1].time > gap:
            session = open_ones[row.client] = []
            sessions.append(session)
        session.append(row)
    return sessions


def told(session: Sequence[Row]) -> Iterator[Told]:
    last: tuple[str, str | None] | None = None
    before, was_done = None, False
    files: dict[str, str] = {}
    known: dict[str, dict[str, set[str]]] = {}  # by space and thing: routes
    for row in session:
        things = known.setdefault(row.space, {})
        yield Told(row, _relation(row, last, things), before, was_done, _sticks(row, files))
        if row.thing is not None:
            things.setdefault(row.thing, set()).add(row.route)
            last = row.space, row.thing
            if row.file is not None:
                files[row.thing] = row.file
        was_done = _is_done(row, known, last)
        before = row


def is_done(session: Sequence[Row]) -> bool:
    """At its end: whether each thing of the kind it asked for last was asked for on the last route."""
    *_, with_thing = (None, *(row for row in session if row.thing is not None))
    if with_thing is None:
        return True
    asked = [row for row in session if row.space == with_thing.space and row.thing is not None]
    return {row.thing for row in asked} == {row.thing for row in asked if row.route == session[-1].route}


def _is_done(row: Row, known: Mapping[str, Mapping[str, set[str]]], last: tuple[str, str | None] | None) -> bool:
    return last is None or all(row.route in routes for routes in known[last[0]].values())


def _relation(row: Row, last: tuple[str, str | None] | None, things: Mapping[str, set[str]]) -> Relation:
    if row.thing is None:
        return Relation.NONE
    if (row.space, row.thing) == last:
        return Relation.LAST
    if row.thing not in things:
        return Relation.NEW
    return Relation.AGAIN if row.route in things[row.thing] else Relation.EARLIER


def _sticks(row: Row, files: Mapping[str, str]) -> bool | None:
    if row.file is None or row.thing is None or row.thing not in files:
        return None
    return files[row.thing] == row.file
