"""How much a capture takes, and how much of the disk: what is asked for, and what becomes of files.

Law: all files of a capture together never hold more than `most` octets, whoever of its workers writes: those that are
being written have a quarter of it, and the oldest of the others go to make room.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

SUFFIX: Final = ".capture"
_FORM: Final = "%Y%m%dT%H%M%SZ"  # of a name
LEAST_FILE: Final = 1 << 20  # octets: more than a block may have, however badly it is compressed
_LARGEST_FILE: Final = 1 << 26
_OPEN_SHARE: Final = 4  # of the whole, divided by this, for the files that are being written
_NAME: Final = re.compile(r"(?P<capture>[0-9]{8}T[0-9]{6}Z)-(?P<worker>[0-9]+)-(?P<number>[0-9]{6})\.capture")


@dataclass(frozen=True, slots=True)
class Settings:
    """`name`: of the capture, by when it began; `share`: of clients' connections, from 0 to 1; `writers`: how many
    workers there may be at once, those that drain included.
    """

    name: str
    directory: str
    share: float
    most: int
    writers: int

    @property
    def file_limit(self) -> int:
        """Octets that a file may have."""
        return min(_LARGEST_FILE, self.most // (_OPEN_SHARE * self.writers))

    def file_name(self, worker: int, number: int) -> str:
        return f"{self.name}-{worker}-{number:06}{SUFFIX}"


def name_of(moment: datetime, last: str | None) -> str:
    """Of a capture that begins then, in UTC, after one of the name `last`: no two of an edge are of one second."""
    name = moment.strftime(_FORM)
    if last is None or name > last:
        return name
    return (datetime.strptime(last, _FORM).replace(tzinfo=UTC) + timedelta(seconds=1)).strftime(_FORM)


def least_of(writers: int) -> int:
    """Octets that a capture must be allowed, so that each writer has its file."""
    return LEAST_FILE * _OPEN_SHARE * writers


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of a capture."""

    name: str
    octets: int
    changed: float


def superfluous(files: Sequence[Kept], settings: Settings) -> Iterator[str]:
    """Names of files to remove, the oldest first, so that all the others have room."""
    # One that is being written is not the oldest, but for a capture that has room for no other.
    its = sorted((each for each in files if is_of(each.name, settings)), key=lambda each: (each.changed, each.name))
    room = settings.most - settings.most // _OPEN_SHARE
    left = sum(each.octets for each in its)
    for each in its:
        if left <= room:
            return
        left -= each.octets
        yield each.name


def is_of(name: str, settings: Settings) -> bool:
    found = _NAME.fullmatch(name)
    return found is not None and found["capture"] == settings.name


def files_of(paths: Sequence[Path]) -> list[Path]:
    """Files as they are, and of directories the captures in them, by name: by when they began. Raises OSError."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(each for each in path.iterdir() if each.suffix == SUFFIX) if path.is_dir() else [path]
        found += inside
    return found
