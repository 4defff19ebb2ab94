"""From files to what is going to be sent: read, chosen, rewritten, laid out in the order of time.

Law: every recorded request is counted once, as chosen or as refused for one reason; every broken one is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from edgeproxy.capture.record import Captured
from replay.capture.found import Skipped
from replay.capture.reading import Source
from replay.planned import Planned
from replay.schedule.choosing import Refused
from replay.schedule.shelf import Shelf

_TOLD: Final = 20
_MOST_SHAPES: Final = 500
OTHER: Final = "(other)"


@dataclass(slots=True)
class Prepared:
    """`seen`: recorded requests; `refused_shapes`: of those refused, by reason, method and shape of the URL."""

    shelf: Shelf = field(default_factory=Shelf)
    seen: int = 0
    refused: Counter[Refused] = field(default_factory=Counter)
    refused_shapes: Counter[tuple[Refused, str, str]] = field(default_factory=Counter)
    broken: int = 0
    told: list[str] = field(default_factory=list)  # of what is broken, the first

    @property
    def chosen(self) -> int:
        return len(self.shelf)

    @property
    def has_times(self) -> bool:
        return self.shelf.last > self.shelf.first


def prepare(
    sources: Iterable[Source],
    choose: Callable[[Captured], Planned | Refused],
    shape_of: Callable[[Captured], str],
    *,
    is_free: bool = False,
) -> Prepared:
    """`is_free`: whatever connection a request came on, any may carry it."""
    prepared = Prepared()
    for source in sources:
        found = source.found
        if isinstance(found, Skipped):
            prepared.broken += found.lost or 1
            if len(prepared.told) < _TOLD:
                prepared.told.append(f"{source.path}: {found.where}: {found.why}")
        elif isinstance(found, Captured):
            _add(prepared, found, choose(found), shape_of, is_free)
    return prepared


def _add(
    prepared: Prepared,
    record: Captured,
    chosen: Planned | Refused,
    shape_of: Callable[[Captured], str],
    is_free: bool,
) -> None:
    prepared.seen += record.count
    if isinstance(chosen, Refused):
        prepared.refused[chosen] += record.count
        key = chosen, record.method, shape_of(record)
        if key not in prepared.refused_shapes and len(prepared.refused_shapes) >= _MOST_SHAPES:
            key = chosen, OTHER, OTHER
        prepared.refused_shapes[key] += record.count
    elif is_free and chosen.lane:
        prepared.shelf.add(
            Planned(
                chosen.at, "", chosen.method, chosen.url, chosen.headers, chosen.body, chosen.label, chosen.recorded
            ),
            record.count,
        )
    else:
        prepared.shelf.add(chosen, record.count)
