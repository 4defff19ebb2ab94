"""Pairs of answers compared one by one, and what comes of them.

Laws of this module:
- what differs is judged when all is there: noise is known then as well as it ever will be. What is held until then has
  a bound; beyond it pairs are judged by the noise known so far;
- a new side that gives no answer differs; of an old side that failed, or of what is not there as a whole, nothing is
  said.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from edgeproxy.http.fields import fields_of
from edgeproxy.migration.comparing.answers import Answer, answer_of
from edgeproxy.migration.comparing.compare import compare
from edgeproxy.migration.comparing.differences import Difference, NoAnswer, Side
from edgeproxy.migration.comparing.examples import Example
from edgeproxy.migration.comparing.families import family_of
from edgeproxy.migration.comparing.grouping import Groups, Key
from edgeproxy.migration.comparing.noise import Noise
from edgeproxy.migration.specimen import Silence
from edgeproxy.ruleset.modifiers import Comparison as Kind
from replay.comparing.kinds import Kinds
from replay.report.facts import Comparison, NotCompared
from replay.sending.outcome import Failure

_MOST_HELD: Final = 2_000  # pairs that differ, with their answers
_SERVER_ERROR: Final = 500
SILENCES: Final = {
    Failure.CONNECT: Silence.CONNECT,
    Failure.TIMEOUT: Silence.TIMEOUT,
    Failure.CLOSED: Silence.BROKEN,
    Failure.TRUNCATED: Silence.BROKEN,
    Failure.BAD_ANSWER: Silence.BROKEN,
}


class Got(NamedTuple):
    """An answer as it is spooled. `octets` of its content came, of which `content` is here."""

    status: int
    lines: bytes
    content: bytes
    octets: int
    digest: str
    failure: Failure | None

    @property
    def is_cut(self) -> bool:
        return len(self.content) < self.octets


class Pair(NamedTuple):
    """`again`: what the old side answered the second time, where it was asked for the sake of noise. `rule`: "" where
    none is known. `at`: POSIX seconds. `url`: where a client asked for it, which links and redirects lead from.
    """

    at: float
    rule: str
    shape: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    old: Got
    new: Got
    again: Got | None = None
    url: str = ""


@dataclass(slots=True)
class _Held:
    pair: Pair
    old: Answer
    new: Answer
    differences: tuple[Difference, ...]


class Judge:
    def __init__(self, kinds: Kinds) -> None:
        self._kinds = kinds
        self._noise: dict[str, Noise] = {}  # by rule, or shape
        self._held: list[_Held] = []
        self.groups = Groups()
        self.not_compared: Counter[NotCompared] = Counter()
        self._pairs = 0

    @property
    def different(self) -> int:
        """So far, noise included."""
        return self.groups.different + len(self._held)

    @property
    def compared(self) -> int:
        return self.groups.compared + len(self._held)

    def add(self, pair: Pair) -> None:
        old = _answer(pair, pair.old)
        self._learn(pair, old)
        if pair.old.failure is not None or (old.status >= _SERVER_ERROR and old.status != pair.new.status):
            self.not_compared[NotCompared.OLD_FAILED] += 1
            return
        new = _answer(pair, pair.new)
        if pair.new.failure is not None:
            self._take(_Held(pair, old, new, (NoAnswer(Side.NEW, SILENCES[pair.new.failure]),)))
            return
        kind = self._kind(pair, old, new)
        if kind is not Kind.FILE and (pair.old.is_cut or pair.new.is_cut):
            self.not_compared[NotCompared.TOO_LARGE] += 1
            return
        self._take(_Held(pair, old, new, compare(kind, old, new, self._kinds.ignores_of(pair.rule))))

    def end(self, beside: str) -> Comparison:
        held, self._held = self._held, []
        for each in held:
            self._noise_of(each.pair).note(each.differences)
        for each in held:
            self._judge(each)
        noise = [(kind.value, pattern, share) for known in self._noise.values() for (kind, pattern), share in known]
        return Comparison(beside, self.groups, self.not_compared, self._pairs, noise)

    # -- steps --------------------------------------------------------------------------------------------------

    def _learn(self, pair: Pair, old: Answer) -> None:
        again = pair.again
        if again is None or again.failure is not None or pair.old.failure is not None:
            return
        answer = _answer(pair, again)
        kind = self._kind(pair, old, answer)
        if kind is Kind.FILE or not (again.is_cut or pair.old.is_cut):
            self._pairs += 1
            self._noise_of(pair).learn(compare(kind, old, answer, self._kinds.ignores_of(pair.rule)))

    def _take(self, found: _Held) -> None:
        if not found.differences:
            self.groups.add(_key(found.pair), (), _no_example, found.pair.at)
        elif len(self._held) < _MOST_HELD:
            self._held.append(found)
        else:
            self._judge(found)

    def _judge(self, found: _Held) -> None:
        pair = found.pair
        differences = self._noise_of(pair).without_noise(found.differences)

        def make_example() -> Example:
            headers = {name.lower(): [value] for name, value in pair.headers}
            return Example.of(pair.at, (pair.method, pair.target, headers), (found.old, found.new), differences)

        self.groups.add(_key(pair), differences, make_example, pair.at)

    def _noise_of(self, pair: Pair) -> Noise:
        return self._noise.setdefault(pair.rule or pair.shape, Noise())

    def _kind(self, pair: Pair, old: Answer, new: Answer) -> Kind:
        return self._kinds.kind_of(pair.rule, pair.method, pair.target.partition("?")[0], old, new)


def _answer(pair: Pair, got: Got) -> Answer:
    answer = replace(answer_of(got.status, fields_of(got.lines), got.content, is_cut=got.is_cut), url=pair.url)
    return replace(answer, digest=got.digest, size=got.octets) if got.digest else answer


def _key(pair: Pair) -> Key:
    agent = next((value for name, value in pair.headers if name.lower() == "user-agent"), "")
    return Key(pair.rule, pair.shape, family_of(agent))


def _no_example() -> Example:
    raise AssertionError("what does not differ has none")
