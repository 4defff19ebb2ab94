"""Captures as what is going to be sent: chosen by the replayer, laid out by its schedule, the same on every
worker.

Laws of this module:
- of captures only what is `safe` is sent, by the ruleset's declarations or by what was declared when it was recorded
  (replay/schedule/choosing.py);
- those of one lane have one number, so that one worker sends all of them, in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

from edgeproxy.ruleset.load import load_ruleset
from replay.capture.reading import Assumed, Source, read_all
from replay.planned import Planned
from replay.preparing import Prepared, prepare
from replay.schedule.choosing import MEANINGS, ByRules, Judge, as_recorded, choose
from replay.schedule.pacing import Pace, schedule
from replay.schedule.rewriting import Rewriting

_BETWEEN: Final = 500  # records, after which others have their turn


class Due(NamedTuple):
    at: float
    number: int
    planned: Planned


@dataclass(frozen=True, slots=True)
class Chosen:
    """`told`: what was read, chosen and refused, in words."""

    planned: Callable[[], Iterator[Planned]]
    told: Sequence[str]

    def due(self) -> Iterator[Due]:
        return numbered(self.planned())


def numbered(planned: Iterable[Planned]) -> Iterator[Due]:
    """A lane's number is made of its name, so that it is the same on every machine and need not be remembered."""
    for index, each in enumerate(planned):
        yield Due(each.at, crc32(each.lane.encode()) if each.lane else index, each)


def of_captures(
    files: Sequence[Path],
    rules: Path | None,
    pace: Pace,
    loops: int,
    longest: float | None,
    between: Callable[[], None],
) -> Chosen:
    """`between` is called now and then, so that others have their turn. Raises OSError, Unreadable, RuleFileError."""
    judge: Judge = as_recorded if rules is None else ByRules(load_ruleset(rules))
    prepared = prepare(
        _taking_turns(read_all(list(files), Assumed("http", "pypi.test")), between),
        partial(choose, judge=judge, rewriting=Rewriting()),
        lambda record: judge(record).shape,
    )
    shelf = prepared.shelf
    return Chosen(lambda: schedule(lambda: shelf, pace, loops=loops, longest=longest), tuple(_told(prepared)))


def _taking_turns(sources: Iterable[Source], between: Callable[[], None]) -> Iterator[Source]:
    for number, each in enumerate(sources, 1):
        yield each
        if not number % _BETWEEN:
            between()


def _told(prepared: Prepared) -> Iterator[str]:
    yield f"{prepared.seen:,} recorded requests, {prepared.chosen:,} of them to be sent"
    for reason, number in prepared.refused.most_common():
        yield f"refused, {reason}: {number:,}: {MEANINGS[reason]}"
    if prepared.broken:
        yield f"broken: {prepared.broken:,} records"
    yield from (f"skipped: {line}" for line in prepared.told)
