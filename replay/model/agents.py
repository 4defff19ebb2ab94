"""User agents, taken apart: a form, and what stands in its places, each by itself.

Laws of this module:
- a form and a value is kept when enough clients share it, and only if it is of the vocabulary: of the JSON that
  installers send the members listed here, of other agents words and numbers, and of all of it words that are known
  (`vocabulary`), however many send others;
- values are drawn each by itself, so one agent that is drawn need not be one that was seen; two places that (nearly)
  always have the same value are tied.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from edgeproxy.capture.scrubbing import kept_value
from edgeproxy.migration.comparing.scrubbing import HIDDEN
from replay.model.sharing import Tally
from replay.model.vocabulary import is_of_agents

_TIED: Final = 0.98  # of the times, from which two places are one
_LONGEST: Final = 1_000  # characters
_WITH_JSON: Final = re.compile(r"([A-Za-z][A-Za-z0-9._-]{0,29}/)([0-9][0-9A-Za-z.+!-]{0,29}) (\{.*\})")
_NUMBER: Final = re.compile(r"[0-9][0-9A-Za-z]*(?:[._+-][0-9A-Za-z]+)*")
_WORDS: Final = re.compile(r"[A-Za-z;:/(),+. _-]*")
_LONGEST_WORD: Final = 24
_VALUE: Final = re.compile(r"""(?:null|true|false|"[\w .+/()#:~-]{0,60}"|\["[\w.-]{1,30}"(?:, ?"[\w.-]{1,30}")*\])""")
_MARK: Final = re.compile("<([0-9]{1,4})>")
# What pip and uv say (facts of pypi §5). `user_data` is anybody's text, and not here.
_MEMBERS: Final = frozenset(
    (
        *("ci", "cpu", "distro", "distro.id", "distro.name", "distro.version", "distro.libc", "distro.libc.lib"),
        *("distro.libc.version", "implementation", "implementation.name", "implementation.version", "installer"),
        *("installer.name", "installer.version", "installer.subcommand", "openssl_version", "python", "rustc_version"),
        *("setuptools_version", "system", "system.name", "system.release"),
    )
)


@dataclass(frozen=True, slots=True)
class Part:
    """What stands in a place: one of the values, or what stands in that other place."""

    values: Mapping[str, float]
    same_as: int | None = None


@dataclass(frozen=True, slots=True)
class Agent:
    """`form` has `<1>`, `<2>`, … where parts stand."""

    form: str
    share: float
    parts: tuple[Part, ...]

    def draw(self, dice: Random) -> str:
        drawn: list[str] = []
        for part in self.parts:
            drawn.append(drawn[part.same_as - 1] if part.same_as is not None else chosen(part.values, dice))
        return _MARK.sub(lambda found: drawn[int(found[1]) - 1], self.form)


def places_in(form: str) -> list[int]:
    return [int(number) for number in _MARK.findall(form)]


def chosen(shares: Mapping[str, float], dice: Random) -> str:
    return dice.choices(tuple(shares), tuple(shares.values()))[0]


class Agents:
    """Those of one kind of client, as they are seen."""

    def __init__(self, least: int) -> None:
        self._least = least
        self._forms: Tally[str] = Tally(least)
        self._parts: dict[tuple[str, int], Tally[str]] = {}
        self._same: dict[tuple[str, int, int], int] = {}

    def add(self, agent: str, client: str) -> None:
        taken = taken_apart(agent)
        if taken is None:
            return
        form, values = taken
        self._forms.add(form, client)
        for place, value in enumerate(values, 1):
            parts = self._parts.setdefault((form, place), Tally(self._least))
            if is_of_agents(value):
                parts.add(value, client)
            for earlier in range(1, place):
                same = value == values[earlier - 1]
                self._same[form, earlier, place] = self._same.get((form, earlier, place), 0) + same

    def fitted(self) -> tuple[Agent, ...]:
        """Of a form with a place for which no value is shared nothing stays."""
        kept = {form: tuple(self._parts_of(form)) for form in self._forms.shared()}
        kept = {form: parts for form, parts in kept.items() if all(part.values for part in parts)}
        total = sum(self._forms.counts[form] for form in kept)
        return tuple(Agent(form, round(self._forms.counts[form] / total, 4), parts) for form, parts in kept.items())

    def _parts_of(self, form: str) -> Iterator[Part]:
        for place in range(1, len(_MARK.findall(form)) + 1):
            needed = _TIED * self._forms.counts[form]
            tied = (earlier for earlier in range(1, place) if self._same[form, earlier, place] >= needed)
            yield Part(self._parts[form, place].shares(), next(tied, None))


def taken_apart(agent: str) -> tuple[str, Sequence[str]] | None:
    """None: it has what is not of the vocabulary, or looks like a secret."""
    if len(agent) > _LONGEST or HIDDEN in agent or kept_value("user-agent", agent) != agent or _MARK.search(agent):
        return None
    found = _WITH_JSON.fullmatch(agent)
    taken = _of_words(agent) if found is None else _of_json(found[1], found[2], found[3])
    return taken if taken is not None and is_of_agents(_without_members(taken[0])) else None


def _without_members(form: str) -> str:
    """Their names are known."""
    return form.partition("{")[0]


def _of_words(agent: str) -> tuple[str, Sequence[str]] | None:
    values: list[str] = []

    def mark(found: re.Match[str]) -> str:
        values.append(found[0])
        return f"<{len(values)}>"

    form = _NUMBER.sub(mark, agent)
    words = _MARK.sub("", form)
    if _WORDS.fullmatch(words) is None or any(len(word) > _LONGEST_WORD for word in re.split(r"[^A-Za-z]+", words)):
        return None
    return form, values


def _of_json(product: str, version: str, text: str) -> tuple[str, Sequence[str]] | None:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return None
    values = [version]
    form = _form_of(read, "", values)
    if form is None or any(_VALUE.fullmatch(value) is None for value in values[1:]):
        return None
    return f"{product}<1> {form}", values


def _form_of(read: Any, path: str, values: list[str]) -> str | None:
    """Of a member: those that are not known are left out, whatever they are."""
    if not isinstance(read, dict):
        values.append(json.dumps(read))
        return f"<{len(values)}>"
    members = ((name, f"{path}.{name}" if path else name) for name in read)
    known = ((name, _form_of(read[name], whole, values)) for name, whole in members if whole in _MEMBERS)
    return "{" + ",".join(_members(known)) + "}"


def _members(known: Iterable[tuple[str, str | None]]) -> Iterator[str]:
    return (f'"{name}":{form}' for name, form in known if form is not None)
