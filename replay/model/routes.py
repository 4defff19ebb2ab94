"""Routes, and how often each of the things on them is asked for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote

from edgeproxy.capture.scrubbing import kept_value
from edgeproxy.migration.comparing.scrubbing import HIDDEN
from edgeproxy.migration.comparing.targets import kept_target
from replay.model.filechoice import files_of, repeat_of
from replay.model.model import Parameter, Relation, Route
from replay.model.popularity import PowerLaw, fit
from replay.model.quantiles import Quantiles
from replay.model.rows import Full, Told
from replay.model.sharing import Tally, rounded
from replay.model.vocabulary import is_address, is_of_queries

_ENOUGH: Final = 1_000  # requests of one kind of client on a route, for a law of its own
_OWN_SHARE: Final = 0.02  # and what part of all they must be
_LONGEST: Final = 60  # characters of a parameter's value
# Eight letters and digits and more, in which letters follow digits: no word, and none with a number behind it.
_NO_WORD: Final = re.compile("(?=[A-Za-z0-9]{8})[A-Za-z]*+[0-9]++[A-Za-z]")


@dataclass(slots=True)
class Drawn:
    """Things that were chosen freely: the first request of a session for each. What follows from it is no choice."""

    by_route: dict[str, Counter[str]] = field(default_factory=dict)
    by_kind: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    files: dict[str, dict[str, Counter[str]]] = field(default_factory=dict)  # by route and project
    total: int = 0

    def own_law(self, kind: str, route: str) -> PowerLaw | None:
        counts = self.by_kind.get((kind, route))
        if counts is None or counts.total() < max(_ENOUGH, _OWN_SHARE * self.total):
            return None
        if counts.total() == self.by_route[route].total():
            return None  # it is the route's
        fitted = fit(list(counts.values()))
        return None if fitted is None else fitted.law


def drawn_of(sessions: Iterable[Sequence[Told]]) -> Drawn:
    drawn = Drawn()
    for session in sessions:
        for told in session:
            row = told.row
            if told.relation is Relation.NEW and row.thing is not None:
                drawn.by_route.setdefault(row.route, Counter())[row.thing] += 1
                drawn.by_kind.setdefault((row.kind, row.route), Counter())[row.thing] += 1
                drawn.total += 1
            if row.file is not None and row.thing is not None and told.sticks is None:
                drawn.files.setdefault(row.route, {}).setdefault(row.thing, Counter())[row.file] += 1
    return drawn


def law_of(counters: Iterable[Counter[str]]) -> PowerLaw | None:
    """Of all together: for routes that say too little by themselves."""
    together: Counter[str] = Counter()
    for counter in counters:
        together += counter
    fitted = fit(list(together.values()))
    if fitted is not None:
        return fitted.law
    return PowerLaw(0.0, 0.0, 1.0, len(together)) if together else None


def route_of(rows: Sequence[Full], total: int, drawn: Drawn, every: PowerLaw | None, least: int) -> Route:
    """`every`: the law of all routes."""
    key, name = rows[0].key, rows[0].route
    has_things = any(row.thing is not None for row in rows)
    fitted = fit(list(drawn.by_route.get(name, Counter()).values()))
    files = drawn.files.get(name, {})
    repeat = repeat_of(files)
    sizes = [row.octets for row in rows if row.octets]
    statuses = Tally[str](least)
    for row in rows:
        statuses.add(str(row.status or 0), row.network)
    return Route(
        name=name,
        label=_label(rows, least),
        method=key.method,
        scheme=key.scheme,
        host=key.host,
        path=key.path,
        share=rounded(len(rows) / total, 4),
        query=tuple(_parameters(rows, least)),
        call=key.call,
        popularity=None if not has_things else (every if fitted is None else fitted.law),
        seen=len({row.thing for row in rows if row.thing is not None}),
        repeat=repeat,
        files=files_of(files, repeat),
        sizes=Quantiles.of(sizes, least) if len(sizes) >= least else None,
        statuses=statuses.shares(),
    )


def _label(rows: Sequence[Full], least: int) -> str:
    rules: Tally[str] = Tally(least)
    for row in rows:
        rules.add(row.rule, row.network)
    told = (rule for rule in rules.shared() if rule and kept_value("accept", rule) == rule)
    return next(told, rows[0].key.path)


def _parameters(rows: Sequence[Full], least: int) -> Iterable[Parameter]:
    names = dict.fromkeys(rows[0].key.query)
    for name in names:
        values: Tally[str] = Tally(least)
        agents: Tally[str] = Tally(least)
        for row in rows:
            value = dict(row.values).get(name, "")
            values.add(value, row.network)
            agents.add(value, row.agent)
        total = sum(values.counts.values())
        kept = {
            value: rounded(count / total, 4)
            for value, count in values.shared().items()
            if _may_stay(name, value) and (is_of_queries(value) or agents.is_shared(value))
        }
        yield Parameter(name, kept)


def _may_stay(name: str, value: str) -> bool:
    said = f"/?{quote(name, safe='')}={value}"
    is_plain = kept_target(said) == said and HIDDEN not in value
    return len(value) <= _LONGEST and is_plain and not is_address(value) and _NO_WORD.search(unquote(value)) is None
