"""A session before it has names: which routes it goes over, and which of its things each request is for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final, NamedTuple, assert_never

from replay.model.agents import chosen
from replay.model.model import END, Relation, Step, Walk

_TRIES: Final = 20


class Stop(NamedTuple):
    """`thing`: the number, within the session, of what is asked for in its space; None where there is one."""

    route: str
    space: str | None
    thing: int | None


def walked(walk: Walk, spaces: Mapping[str, str | None], dice: Random) -> list[Stop]:
    """A walk as long as those of its class: one that is not is walked anew. `spaces`: of each route."""
    stops: list[Stop] = []
    for _ in range(_TRIES):
        stops = list(_Walking(walk, spaces, dice).stops())
        if walk.least <= len(stops) <= walk.most:
            break
    return stops[: walk.most]


@dataclass(slots=True)
class _Walking:
    """`things`: by space, the routes that each was asked for on."""

    walk: Walk
    spaces: Mapping[str, str | None]
    dice: Random
    things: dict[str, list[set[str]]] = field(default_factory=dict)
    last: tuple[str, int] | None = None

    def stops(self) -> Iterator[Stop]:
        """One more than the class has, if it does not end before."""
        route, relation = chosen(self.walk.first, self.dice), Relation.NEW
        for _ in range(self.walk.most + 1):
            yield self._stop(route, relation)
            route, relation = self._next(route)
            if route == END:
                return

    def _stop(self, route: str, relation: Relation) -> Stop:
        space = self.spaces[route]
        if space is None:
            return Stop(route, None, None)
        things = self.things.setdefault(space, [])
        thing = self._thing(things, space, route, relation)
        if thing == len(things):
            things.append(set())
        things[thing].add(route)
        self.last = space, thing
        return Stop(route, space, thing)

    def _thing(self, things: list[set[str]], space: str, route: str, relation: Relation) -> int:
        """A number that is not there yet: a new one."""
        match relation:
            case Relation.LAST if self.last is not None and self.last[0] == space:
                return self.last[1]
            case Relation.EARLIER:
                return next((number for number, routes in enumerate(things) if route not in routes), len(things))
            case Relation.AGAIN if things:
                return self.dice.randrange(len(things))
            case Relation.LAST | Relation.AGAIN | Relation.NEW | Relation.NONE:
                return len(things)
            case _:
                assert_never(relation)

    def _next(self, route: str) -> tuple[str, Relation]:
        steps = (self.walk.done if self._is_done(route) else self.walk.next).get(route, _ENDS)
        step = steps[0] if len(steps) == 1 else self.dice.choices(steps, [each.share for each in steps])[0]
        return step.to, step.of

    def _is_done(self, route: str) -> bool:
        return self.last is None or all(route in routes for routes in self.things[self.last[0]])


_ENDS: Final = (Step(END, Relation.NONE, 1.0),)
