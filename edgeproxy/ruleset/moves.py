"""The pairs of a `redirect: {map: ...}`: from a path to its target, in little memory and found in one look-up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


class Moves:
    """A file's pairs, immutable once read."""

    __slots__ = ("_targets", "file")

    def __init__(self, file: Path, targets: dict[str, str]) -> None:
        self.file = file
        self._targets = targets

    def target(self, path: str) -> str | None:
        """Where a normalised path leads: an absolute URL or path."""
        return self._targets.get(path)

    def pairs(self) -> Iterator[tuple[str, str]]:
        yield from self._targets.items()

    def __len__(self) -> int:
        return len(self._targets)
