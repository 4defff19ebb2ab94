"""The answers of two targets to one request, brought together as they come.

Law: what waits for its other half is of requests that are on their way, whose number has a bound; what is kept of their
content has one, too (`Budget`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from replay.comparing.judging import Got, Pair
from replay.planned import Planned
from replay.report.facts import NotCompared
from replay.sending.asking import Answered, Budget
from replay.sending.outcome import NotSent


class Part(Enum):
    OLD = "old"
    NEW = "new"
    AGAIN = "again"  # the old side, asked twice


@dataclass(slots=True)
class _Half:
    planned: Planned
    parts: dict[Part, Got | None]  # None: it was not sent
    wanted: int


class Pairing:
    """`asks_again`: whether the old side is asked a request twice. `put`: where a pair goes; whether it took it."""

    def __init__(self, put: Callable[[Pair], bool], asks_again: Callable[[Planned], bool], budget: Budget) -> None:
        self._put = put
        self._asks_again = asks_again
        self._budget = budget
        self._halves: dict[int, _Half] = {}  # by what is planned: each of these is an object of its own
        self.not_compared: Counter[NotCompared] = Counter()

    def listener(self, part: Part) -> Ear:
        return Ear(self, part)

    def take(self, planned: Planned, part: Part, got: Got | None) -> None:
        half = self._halves.get(id(planned))
        if half is None:
            wanted = 3 if self._asks_again(planned) else 2
            half = self._halves[id(planned)] = _Half(planned, {}, wanted)
        half.parts[part] = got
        if len(half.parts) == half.wanted:
            del self._halves[id(planned)]
            self._hand_on(half)

    def _hand_on(self, half: _Half) -> None:
        old, new = half.parts[Part.OLD], half.parts[Part.NEW]
        if old is None or new is None:
            self.not_compared[NotCompared.NOT_SENT] += 1
        else:
            planned = half.planned
            rule, _, shape = planned.label.rpartition(": ")
            target = "/" + planned.url.partition("://")[2].partition("/")[2]
            pair = Pair(
                *(time.time(), rule, shape, planned.method, target, planned.headers, old, new),
                *(half.parts.get(Part.AGAIN), planned.url),
            )
            if not self._put(pair):
                self.not_compared[NotCompared.NO_ROOM] += 1
        for got in half.parts.values():
            self._budget.free(0 if got is None else len(got.content))


class Ear:
    """Listens to one target."""

    def __init__(self, pairing: Pairing, part: Part) -> None:
        self._pairing = pairing
        self._part = part

    def on_answered(self, answered: Answered) -> None:
        got = Got(
            answered.status,
            answered.lines,
            answered.content,
            answered.octets,
            answered.digest,
            answered.failure,
        )
        self._pairing.take(answered.planned, self._part, got)

    def on_not_sent(self, planned: Planned, why: NotSent) -> None:  # whatever kept it
        self._pairing.take(planned, self._part, None)
