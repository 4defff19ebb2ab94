"""Importing packages from disk.

Laws of this module:
- importing twice changes nothing the second time;
- a file that cannot be taken is reported with the reason and passed over; the rest is imported all the same;
- a signature beside a file, `.asc`, is taken with it;
- the order is that of the paths, so the same directories give the same serials.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias, assert_never

from backends.store import (
    Added,
    Addition,
    BadArchive,
    Conflict,
    ConflictReason,
    Same,
    Store,
    read_distribution,
)

Progress: TypeAlias = Callable[[str], None]
Clock: TypeAlias = Callable[[], datetime]

SUFFIXES = (".whl", ".tar.gz", ".zip")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Tally:
    added: int = 0
    same: int = 0
    skipped: int = 0

    def __str__(self) -> str:
        return f"{self.added} added, {self.same} there already, {self.skipped} skipped"


def utc_now() -> datetime:
    return datetime.now(UTC)


def seed_directory(store: Store, directory: Path, progress: Progress, clock: Clock = utc_now) -> Tally:
    """Import every wheel and sdist below a directory."""
    return seed(store, [directory], progress, clock)


def seed(store: Store, paths: Iterable[Path], progress: Progress, clock: Clock = utc_now) -> Tally:
    """Import files, and every wheel and sdist below directories."""
    added = same = skipped = 0
    for path in _packages(paths):
        try:
            addition = _import(store, path, clock())
        except (BadArchive, OSError) as error:
            progress(f"skipped {path}: {error}")
            skipped += 1
            continue
        match addition:
            case Added(file=file):
                progress(f"added {file.filename}")
                added += 1
            case Same():
                same += 1
            case Conflict():
                progress(f"skipped {path}: {why(addition)}")
                skipped += 1
            case _:
                assert_never(addition)
    return Tally(added, same, skipped)


def _packages(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(found for found in path.rglob("*") if found.name.endswith(SUFFIXES))
        else:
            yield path


def _import(store: Store, path: Path, now: datetime) -> Addition:
    with store.receive() as receiving:
        with path.open("rb") as source:
            while chunk := source.read(_CHUNK):
                receiving.write(chunk)
        content = receiving.finish()
        # Read the copy, not the source: what was hashed is what is described.
        new = read_distribution(content.path, path.name).as_new()
        return store.add_file(replace(new, signature=_signature(path)), content, now)


def _signature(path: Path) -> bytes | None:
    beside = path.with_name(f"{path.name}.asc")
    return beside.read_bytes() if beside.is_file() else None


def why(conflict: Conflict) -> str:
    match conflict.reason:
        case ConflictReason.NAME_TAKEN:
            return "a file of this name is in the store, with other bytes"
        case ConflictReason.CONTENT_TAKEN:
            other = conflict.file.filename if conflict.file else "another name"
            return f"the same bytes are in the store as {other}"
        case ConflictReason.NAME_USED:
            return "a file of this name was in the store once, and a file name is never used again"
        case _:
            assert_never(conflict.reason)
