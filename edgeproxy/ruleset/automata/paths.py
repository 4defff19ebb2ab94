"""The languages of paths: of all normalised ones, and of templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeproxy.ruleset.automata.language import Language
from edgeproxy.ruleset.template import PathTemplate, TargetTemplate


@dataclass(frozen=True, slots=True)
class Captures:
    """A product: each capture takes each of its texts beside each of the others'. Not `is_exact`: and maybe fewer."""

    by_name: Mapping[str, Language]
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class Image:
    """What a target expands to. `paths`: normalised; `certain`: those of them that surely come about, all if it is
    exact. `query`: what follows the '?' of the target, as texts and the languages of captures; None without one.
    """

    paths: Language
    certain: Language
    query: tuple[str | Language, ...] | None

    @property
    def is_exact(self) -> bool:
        return self.certain is self.paths


def path_language(template: PathTemplate) -> Language:
    """The normalised paths that a template matches. Raises Unsupported."""
    raise NotImplementedError


def captured(template: PathTemplate, paths: Language) -> tuple[Captures, ...]:
    """The captures of those of the paths that match. Raises Unsupported."""
    raise NotImplementedError


def image(target: TargetTemplate, captures: Captures) -> Image:
    """The paths that a target expands to with these captures. Raises Unsupported."""
    raise NotImplementedError
