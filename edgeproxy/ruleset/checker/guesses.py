"""Guesses at what only a backend knows, for walks: texts that the rules tell from others.

Law: a guess is something that the backend may answer. One spelling of a project is its author's, so a walk that has
made a guess at it keeps to it, and the backend does not redirect that spelling.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Final

from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.automata.respelled import chosen, project_of
from edgeproxy.ruleset.automata.templates import segment_language
from edgeproxy.ruleset.matching import Among, PathRegex, Where
from edgeproxy.ruleset.model import Rule
from edgeproxy.ruleset.origins import DeclaredRedirect, Unknown
from edgeproxy.ruleset.segment import Literal, Segment, Whole, nameless
from edgeproxy.ruleset.template import Insert, PathTemplate, TargetTemplate

_ANY: Final = "x"  # a segment that no rule speaks of
_MOST: Final = 256  # guesses at one Location
_MOST_SAMPLES: Final = 12

Spelling = tuple[str, str]  # a project, and how its author spells it


@dataclass(frozen=True, slots=True)
class Guess:
    """Values for the unknown parts of a target, by their names in it, and what they say of authors' spellings."""

    values: Mapping[str, str]
    spellings: tuple[Spelling, ...] = ()


NO_GUESS: Final = Guess({})


class Guesses:
    """What to try, from the segments that the rules and the declared redirects speak of."""

    def __init__(self, rules: Iterable[Rule], redirects: Iterable[DeclaredRedirect]) -> None:
        self._samples: dict[int, dict[str, None]] = {}
        for rule in rules:
            if not isinstance(rule.match.path, PathRegex):
                self._add(rule.match.path, rule.match.where)
        for redirect in redirects:
            self._add(redirect.path, redirect.where)

    def of(self, redirect: DeclaredRedirect, captures: Mapping[str, str]) -> Iterator[Guess]:
        """Guesses at the unknown parts of a redirect for these captures of its path; one empty guess without such."""
        if not redirect.unknown:
            yield NO_GUESS
            return
        choices: list[Sequence[tuple[str, str, Spelling | None]]] = []
        for each in redirect.unknown:
            samples = self._samples_at(segment_of_insert(redirect.to, each.name))
            if each.of is None:
                choices.append([(each.name, text, None) for text in _chosen(each, samples)])
            else:
                own = captures[each.of]
                project = project_of(own)
                choices.append([(each.name, text, (project, text)) for text in _spellings(own, samples)])
        for guessed in islice(product(*choices), _MOST):
            spellings = tuple(dict.fromkeys(spelling for _, _, spelling in guessed if spelling is not None))
            yield Guess({name: text for name, text, _ in guessed}, spellings)

    def _add(self, path: PathTemplate, where: tuple[Where, ...]) -> None:
        named = {each.capture: each.predicate.values for each in where if isinstance(each.predicate, Among)}
        for at, segment in enumerate(path.segments):
            samples = self._samples.setdefault(at, {})
            for text in (*_sample(segment), *sorted(named.get(getattr(segment, "name", ""), ()))):
                if len(samples) < _MOST_SAMPLES:
                    samples.setdefault(text)

    def _samples_at(self, at: int | None) -> tuple[str, ...]:
        """Of one position, or of every one."""
        if at is not None:
            return tuple(self._samples.get(at, ()))
        return tuple(dict.fromkeys(text for samples in self._samples.values() for text in samples))[:_MOST_SAMPLES]


def segment_of_insert(to: TargetTemplate, name: str) -> int | None:
    """The number of the segment of a target's path that an insert makes up alone; None where it shares one."""
    at, pieces = -1, list(to.pieces)
    if isinstance(pieces[0], str) and not to.source.startswith("/"):
        pieces[0] = "/" + pieces[0].partition("://")[2].partition("/")[2]  # past the origin
    for number, piece in enumerate(pieces):
        if isinstance(piece, str):
            at += piece.partition("?")[0].count("/")
        elif piece.slashes:
            return None
        elif piece.name == name:
            return at if _is_alone(pieces, number) else None
    return None


def _is_alone(pieces: Sequence[str | Insert], number: int) -> bool:
    before = pieces[number - 1] if number else ""
    after = pieces[number + 1] if number + 1 < len(pieces) else "/"
    return isinstance(before, str) and before.endswith("/") and isinstance(after, str) and after[:1] in ("/", "?")


def _sample(segment: Segment) -> tuple[str, ...]:
    if isinstance(segment, Literal):
        return (segment.text,) if segment.text else ()
    if isinstance(segment, Whole):
        return ()
    try:
        shortest = segment_language(nameless(segment)).shortest()
    except Unsupported:
        return ()
    return () if shortest is None else (shortest,)


def _chosen(unknown: Unknown, samples: Sequence[str]) -> list[str]:
    """Segments that a backend may choose: some that rules speak of, and one that none does."""
    language = chosen(unknown)
    own = language.shortest()
    found = [text for text in (*samples, _ANY) if text in language]
    return found if own is None or own in found else [*found, own]


def _spellings(own: str, samples: Iterable[str]) -> tuple[str, ...]:
    """Other spellings of the project that a segment names."""
    project = project_of(own)
    found = (own.title(), own.upper(), project, own.replace("-", "_"), own.replace("-", "."), own.replace("_", "-"))
    spelled = (*found, *samples)
    return tuple(dict.fromkeys(text for text in spelled if text != own and project_of(text) == project))
