"""Sessions as walks over routes: a Markov chain for each class of lengths.

One chain for all would make lengths geometric, which they are not: a mixture of chains, each kept within its class,
follows what is seen. A chain knows where it stands, and whether anything is left to do there (`Walk.done`): pip asks
for pages and metadata of all, then for the files of all, and ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from replay.model.model import END, Relation, Step, Walk
from replay.model.rows import Told, is_done
from replay.model.sharing import Tally, rounded

_FEWEST: Final = 20  # sessions of a class; one with fewer, or of too few clients, is joined with the next longer one

Sessions = Sequence[Sequence[Told]]
Steps = dict[str, Tally[tuple[str, Relation]]]


def walks_of(sessions: Sessions, least: int) -> Iterator[Walk]:
    for of_class in _classes(sessions, least):
        first: Tally[str] = Tally(least)
        going_on: Steps = {}
        done: Steps = {}
        for session in of_class:
            first.add(session[0].row.route, session[0].row.network)
            _count(session, going_on, done, least)
        if first.shared():
            lengths = sorted(len(session) for session in of_class)
            yield Walk(
                share=rounded(len(of_class) / len(sessions), 4),
                least=lengths[0],
                most=max(int(rounded(lengths[max(len(lengths) - least, 0)], 2)), lengths[0]),
                first=first.shares(),
                next=_shares(going_on),
                done=_shares(done),
            )


def _classes(sessions: Sessions, least: int) -> Iterator[Sessions]:
    """By octaves of length, the shorter first; the last are joined with those before if they are too few."""
    by_length = sorted(sessions, key=len)
    classes: list[list[Sequence[Told]]] = [[]]
    for session in by_length:
        now = classes[-1]
        is_longer = bool(now) and len(session).bit_length() > len(now[-1]).bit_length()
        if is_longer and _are_enough(now, least):
            classes.append([])
        classes[-1].append(session)
    if len(classes) > 1 and not _are_enough(classes[-1], least):
        few = classes.pop()
        classes[-1] += few
    return iter(classes)


def _are_enough(sessions: Sessions, least: int) -> bool:
    return len(sessions) >= _FEWEST and len({session[0].row.network for session in sessions}) >= least


def _count(session: Sequence[Told], going_on: Steps, done: Steps, least: int) -> None:
    for told in session[1:]:
        assert told.before is not None, "it is not the first"
        steps = done if told.was_done else going_on
        steps.setdefault(told.before.route, Tally(least)).add((told.row.route, told.relation), told.row.network)
    last = session[-1].row
    steps = done if is_done([told.row for told in session]) else going_on
    steps.setdefault(last.route, Tally(least)).add((END, Relation.NONE), last.network)


def _shares(steps: Steps) -> Mapping[str, tuple[Step, ...]]:
    made = {
        before: tuple(Step(to, of, share) for (to, of), share in tally.shares().items())
        for before, tally in steps.items()
    }
    return {before: each for before, each in made.items() if each}
