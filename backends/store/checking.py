"""Looks whether a store is whole: what its index names is there, with the bytes it names, and nothing else is.

What a killed process can leave is bytes at their final path that no index names yet:
whole ones, to which nobody is led. `sweep` takes them away once they are older than any upload lasts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path

from backends.store.content import METADATA_SUFFIX, SIGNATURE_SUFFIX
from backends.store.model import File
from backends.store.store import Store

_CHUNK = 1 << 20


class Fault(Enum):
    MISSING = "is named and not there"
    WRONG_BYTES = "has other bytes than its index says"
    NO_METADATA = "has not the metadata beside it that its index says"
    NO_SIGNATURE = "has not the signature beside it that its index says"
    UNNAMED = "is there and never was named"
    NOT_FOUND = "is a project that searches do not find as it is"


@dataclass(frozen=True, slots=True)
class Found:
    what: str
    fault: Fault

    def __str__(self) -> str:
        return f"{self.what} {self.fault.value}"


def check(store: Store) -> Iterator[Found]:
    """Everything that is not as it should be. Nothing, for a store that only its own programs wrote to."""
    with store.snapshot():
        for file in store.all_files():
            yield from _check_file(store, file)
        for name in store.unsearchable():
            yield Found(name, Fault.NOT_FOUND)
        for path in _unnamed(store):
            yield Found(str(path), Fault.UNNAMED)


def sweep_unnamed(store: Store, before: datetime) -> int:
    """Delete what no index names, and nobody has written to since. How many files that were."""
    with store.exclusive():  # nobody names one of them meanwhile
        found = [path for path in _unnamed(store) if path.stat().st_mtime < before.timestamp()]
        for path in found:
            path.unlink()
    return len(found)


def _check_file(store: Store, file: File) -> Iterator[Found]:
    path = store.files_directory / file.path
    if not path.is_file():
        yield Found(file.path, Fault.MISSING)
        return
    if _digest(path) != file.blake2b_256 or path.stat().st_size != file.size:
        yield Found(file.path, Fault.WRONG_BYTES)
    if file.metadata_sha256 is not None:
        beside = path.with_name(path.name + METADATA_SUFFIX)
        data = beside.read_bytes() if beside.is_file() else b""
        if hashlib.sha256(data).hexdigest() != file.metadata_sha256:
            yield Found(file.path, Fault.NO_METADATA)
    if file.has_signature and not path.with_name(path.name + SIGNATURE_SUFFIX).is_file():
        yield Found(file.path, Fault.NO_SIGNATURE)


def _unnamed(store: Store) -> Iterator[Path]:
    # The bytes of a removed file stay where old links find them.
    named = store.paths_ever()
    for path in sorted((store.files_directory / "packages").rglob("*")):
        whole = path.with_name(path.name.removesuffix(METADATA_SUFFIX).removesuffix(SIGNATURE_SUFFIX))
        here = whole.relative_to(store.files_directory).as_posix()
        is_known = whole.name in named and named[whole.name] in (here, None)
        if path.is_file() and not is_known:
            yield path


def _digest(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=32)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
