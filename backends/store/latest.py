"""Which release stands for a project when none is named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from packaging.version import Version


class Versioned(Protocol):
    @property
    def version(self) -> str: ...
    @property
    def yanked(self) -> bool: ...


V = TypeVar("V", bound=Versioned)


def latest(releases: Sequence[V]) -> V | None:
    """Not yanked before yanked, final before pre-release, then the highest version.

    `releases` come lowest version first. A version outside PEP 440 is taken only when there is no other:
    nobody can say whether it is a pre-release.
    """
    ranked = enumerate(releases)
    best = max(ranked, key=lambda place: (*_merits(place[1]), place[0]), default=None)
    return None if best is None else best[1]


def _merits(release: Versioned) -> tuple[bool, bool, bool]:
    try:
        version = Version(release.version)
    except ValueError:  # InvalidVersion, and what `int` says of a number of thousands of digits
        return not release.yanked, False, False
    return not release.yanked, True, not version.is_prerelease
