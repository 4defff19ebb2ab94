"""Specimens compared one by one, and what comes of them.

Laws of this module:
- a specimen is judged once its rule's noise is known: LEARNING pairs of the old side's answers. Before that what
  differs is shown, and counts for no gate;
- a new side that gives no answer differs: what is broken never passes for want of something to compare;
- of an old side that failed, or whose answer is not there as a whole, nothing is said of the new one;
- `look` does all that takes time, and changes nothing: whoever bounds its time may break it off anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from edgeproxy.http.fields import fields_of
from edgeproxy.migration.comparing.answers import Answer, answer_of, digest_of
from edgeproxy.migration.comparing.answers import Final as AnswerFinal
from edgeproxy.migration.comparing.bounds import Flaw
from edgeproxy.migration.comparing.compare import compare
from edgeproxy.migration.comparing.differences import Difference, NoAnswer, Side, Unreadable
from edgeproxy.migration.comparing.examples import Example
from edgeproxy.migration.comparing.families import family_of
from edgeproxy.migration.comparing.findings import Findings, Lesson, Lessons, Period, Unjudged
from edgeproxy.migration.comparing.grouping import Groups, Key
from edgeproxy.migration.comparing.noise import Noise
from edgeproxy.migration.comparing.shadowed import Shadowed, ignores_of
from edgeproxy.migration.comparing.shapes import guessed
from edgeproxy.migration.specimen import Astray, Ending, Part, Silence, Specimen

LEARNING: Final = 20  # pairs
_EXAMPLES: Final = 10  # in the news of a moment: who keeps them has enough soon
_LONGEST_SHAPE: Final = 300
_SERVER_ERROR: Final = 500
_NO_ANSWER: Final = Answer(0)  # as an example shows it


@dataclass(frozen=True, slots=True)
class Seen:
    """What differs, noise included. `of_old`: between the old side's two answers, where there are two; `unjudged`: why
    nothing is said of the new side.
    """

    specimen: Specimen
    old: Answer
    new: Answer
    differences: tuple[Difference, ...]
    of_old: tuple[Difference, ...] | None
    unjudged: Unjudged | None = None


class _Rule:
    """What is known of one rule."""

    def __init__(self, shadowed: Shadowed, noise: Noise) -> None:
        self.shadowed = shadowed
        self.ignores = ignores_of(shadowed)
        self.noise = noise
        self.news = Noise()

    def learn(self, differences: Sequence[Difference]) -> None:
        self.noise.learn(differences)
        self.news.learn(differences)

    def without_noise(self, differences: Sequence[Difference]) -> tuple[Difference, ...]:
        """Of a shadow; and noise is known better by it."""
        self.noise.note(differences)
        self.news.note(differences, self.noise)
        return self.noise.without_noise(differences)

    @property
    def is_learning(self) -> bool:
        return round(self.noise.pairs) < LEARNING  # pairs fade a little even among so few

    def compare(self, old: Answer, new: Answer) -> tuple[Difference, ...]:
        return compare(self.shadowed.kind, old, new, self.ignores)


class Comparer:
    """`known`: noise that was learned before, of which that of the same terms counts."""

    def __init__(self, shadowed: Iterable[Shadowed], known: Mapping[str, Lesson]) -> None:
        self._rules: dict[str, _Rule] = {}
        for each in shadowed:
            lesson = known.get(each.rule)
            is_known = lesson is not None and lesson.terms == each.terms
            self._rules[each.rule] = _Rule(each, lesson.noise if lesson is not None and is_known else Noise())
        self._news = self._nothing()

    def look(self, specimen: Specimen) -> Seen:
        rule = self._rules.get(specimen.rule)
        if rule is None:
            return Seen(specimen, _NO_ANSWER, _NO_ANSWER, (), None, Unjudged.OTHER_RULES)
        url = _url(specimen)
        old = _answer(specimen.old, url)
        of_old = rule.compare(old, _answer(specimen.again, url)) if isinstance(specimen.again, Part) else None
        unjudged = _unjudged(specimen)
        if unjudged is not None:
            return Seen(specimen, old, _NO_ANSWER, (), of_old, unjudged)
        if isinstance(specimen.new, Silence):
            return Seen(specimen, old, _NO_ANSWER, (NoAnswer(Side.NEW, specimen.new),), of_old)
        new = _answer(specimen.new, url)
        return Seen(specimen, old, new, rule.compare(old, new), of_old)

    def take(self, seen: Seen) -> None:
        rule = self._rules.get(seen.specimen.rule)
        if rule is not None and seen.of_old is not None:
            rule.learn(seen.of_old)
        if rule is None or seen.unjudged is not None:
            self._leave(seen.specimen, seen.unjudged or Unjudged.OTHER_RULES)
        else:
            self._judge(rule, seen)

    def look_at_old(self, specimen: Specimen) -> Answer | None:
        """Where `look` was broken off: read the old side alone. None: nothing can be said of the new one."""
        rule = self._rules.get(specimen.rule)
        if rule is None or _unjudged(specimen) is not None:
            return None
        old = _answer(specimen.old)
        rule.compare(old, replace(old, content=b""))
        return old

    def give_up(self, specimen: Specimen, old: Answer | None) -> None:
        """`look` was broken off: it takes too much. `old`: that side alone does not, so the new one differs."""
        rule = self._rules.get(specimen.rule)
        if rule is None or old is None:
            self._leave(specimen, Unjudged.TOO_COSTLY)
        elif isinstance(specimen.new, Silence):
            self._judge(rule, Seen(specimen, old, _NO_ANSWER, (NoAnswer(Side.NEW, specimen.new),), None))
        else:
            differences = (Unreadable(Side.NEW, Flaw.TOO_COSTLY, "comparing it takes too much time or memory"),)
            self._judge(rule, Seen(specimen, old, Answer(specimen.new.status), differences, None))

    def news(self) -> Findings:
        """What came since the last time."""
        news, self._news = self._news, self._nothing()
        for name, rule in self._rules.items():
            if rule.news:
                news.lessons[name], rule.news = Lesson(rule.shadowed.terms, rule.news), Noise()
        return news

    @property
    def lessons(self) -> Lessons:
        """All noise that is known: for a comparer in this one's place."""
        return {name: Lesson(rule.shadowed.terms, rule.noise) for name, rule in self._rules.items() if rule.noise.pairs}

    def _judge(self, rule: _Rule, seen: Seen) -> None:
        specimen, differences = seen.specimen, rule.without_noise(seen.differences)
        key, headers = _key(rule.shadowed, specimen)

        def make_example() -> Example:
            request = (specimen.method, specimen.asked, headers)
            return Example.of(specimen.at, request, (seen.old, seen.new), differences)

        self._news.groups.add(key, differences, make_example, specimen.at)
        if rule.is_learning:
            self._leave(specimen, Unjudged.LEARNING)
        elif specimen.is_overridden:
            self._leave(specimen, Unjudged.OVERRIDDEN)
        elif rule.shadowed.cutover:
            period = Period(rule.shadowed.cutover, specimen.number, specimen.generation)
            self._news.count(period, is_different=bool(differences), at=specimen.at)
            if specimen.unasked:
                self._news.count_silent(period, specimen.unasked, at=specimen.unasked_since)
            if specimen.lost:
                self._news.count_lost(period, specimen.lost, at=specimen.at)

    def _leave(self, specimen: Specimen, why: Unjudged) -> None:
        self._news.unjudged[specimen.rule, why] += 1

    @staticmethod
    def _nothing() -> Findings:
        return Findings(Groups(_EXAMPLES))


def _unjudged(specimen: Specimen) -> Unjudged | None:
    old, new = specimen.old, specimen.new
    if old.is_cut:
        return Unjudged.OLD_CUT
    if old.ending is not None and _is_failure(old.ending.what):
        new_end = new.ending if isinstance(new, Part) else None
        return None if new_end is not None and _word(old.ending.what) == _word(new_end.what) else Unjudged.OLD_FAILED
    is_same = isinstance(new, Part) and new.status == old.status
    return Unjudged.OLD_FAILED if old.status >= _SERVER_ERROR and not is_same else None


def _is_failure(what: Part | Silence | Astray) -> bool:
    return what.status >= _SERVER_ERROR if isinstance(what, Part) else isinstance(what, Silence)


def _word(what: Part | Silence | Astray) -> int | str:
    return what.status if isinstance(what, Part) else what


def _url(specimen: Specimen) -> str:
    """As the client asked, which the edge told both sides: for all of its links both sides have one page."""
    said = {name.lower(): value.decode("latin-1") for name, value in fields_of(specimen.lines)}
    host = said.get(b"x-forwarded-host", specimen.host)
    return f"{said.get(b'x-forwarded-proto', 'http')}://{host}{specimen.asked}"


def _answer(part: Part, url: str = "") -> Answer:
    """Of content that was hashed as it came the size counts first: what is longer than the other side's may be cut."""
    answer = answer_of(part.status, fields_of(part.lines), part.content, is_cut=part.is_cut and not part.digest)
    answer = replace(answer, url=url)
    final = None if part.ending is None else _final(part.ending)
    if final is not None:
        answer = replace(answer, final=final)
    return replace(answer, digest=part.digest, size=part.size) if part.digest else answer


def _final(ending: Ending) -> AnswerFinal | None:
    """None: what is there was not had as a whole."""
    what = ending.what
    if not isinstance(what, Part):
        return AnswerFinal(0, "", ending.url, what)
    if what.is_cut:
        return None
    answer = _answer(what)
    if answer.flaw is not None:
        return None
    return AnswerFinal(what.status, answer.digest or digest_of(answer.content), ending.url)


def _key(shadowed: Shadowed, specimen: Specimen) -> tuple[Key, dict[str, list[str]]]:
    """And the request's headers."""
    headers: dict[str, list[str]] = {}
    for name, value in fields_of(specimen.lines):
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    path = specimen.asked.partition("?")[0]
    shape = guessed(path) if shadowed.written is None else shadowed.written.shape(path)
    return Key(shadowed.rule, shape[:_LONGEST_SHAPE], family_of(" ".join(headers.get("user-agent", ())))), headers
