"""A model's traffic without names, as rows: to be set beside the capture that it was fitted to."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import dropwhile, islice
from random import Random
from typing import Final

from replay.model.asked import beside_of
from replay.model.drawing import Wanted, draw, space_of
from replay.model.model import Model, Route
from replay.model.rows import PROJECTS, Row

_FILES: Final = 20  # of a project; most are asked for seldom
_MORE: Final = 4  # times as many requests, at the most
_WARM: Final = 120.0  # seconds that are passed over: at the beginning no session is under way


@dataclass(frozen=True, slots=True)
class Virtual:
    """As many things as the model says that there are."""

    projects: int

    @classmethod
    def of(cls, model: Model) -> Virtual:
        own = [route.popularity.items for route in model.routes if route.popularity and space_of(route) == PROJECTS]
        kinds = [law.items for client in model.clients for law in client.popularity.values()]
        return cls(max(own + kinds, default=1))

    def number(self, route: Route) -> int:
        if space_of(route) == PROJECTS:
            return self.projects
        return 0 if route.popularity is None else route.popularity.items

    def files(self, _rank: int) -> int:
        """Routes say from how many is chosen."""
        return _FILES


def rows_of(model: Model, number: int, seconds: float, dice: Random) -> list[Row]:
    """At least so many requests, and for so many seconds, if that is not far more of them; in order of time. The first
    sessions are passed over.
    """
    drawn = draw(model, Virtual.of(model), dice, model.arrivals)
    warm = min(_WARM, model.about.seconds)
    rows: list[Row] = []
    for wanted in islice(dropwhile(lambda each: each.at < warm, drawn), _MORE * number):
        if len(rows) >= number and wanted.at - rows[0].time > seconds:
            break
        rows.append(_row(wanted))
    return rows


def _row(wanted: Wanted) -> Row:
    session, route = wanted.session, wanted.route
    thing = None if wanted.rank is None else str(wanted.rank)
    file = None if beside_of(route.path) is None else str(wanted.file)
    return Row(
        time=wanted.at,
        client=str(session.number),
        network=str(session.number),
        kind=session.client.kind,
        route=route.name,
        space=space_of(route) or route.name,
        thing=thing,
        file=file,
        item=f"{route.host}{route.path} {thing} {file}",
        host=route.host,
        connection=f"{session.number} {wanted.lane}",
    )
