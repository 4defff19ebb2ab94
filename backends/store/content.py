"""Bytes on disk: received aside while they are hashed, then moved to the place their hash names.

Laws of this module:
- never more than one chunk in memory;
- what is at a final path is whole and synced: written elsewhere in the store, fsynced, renamed;
- moving the same bytes to the same place twice is harmless, so two processes need no lock here.
The store's directory is one file system: a rename across two would not be atomic.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import IO

from backends.store.model import content_path

ABANDONED_AFTER = timedelta(days=1)  # no upload takes so long; what is older was left by a killed process

METADATA_SUFFIX = ".metadata"  # PEP 658
SIGNATURE_SUFFIX = ".asc"


@dataclass(frozen=True, slots=True)
class Hashed:
    """Bytes, by what they hash to."""

    size: int
    md5: str
    sha256: str
    blake2b_256: str


@dataclass(frozen=True, slots=True)
class Content(Hashed):
    """Received bytes, and where they wait."""

    path: Path


class Receiving:
    """A file being written aside. Left without being placed, it is gone."""

    def __init__(self, directory: Path) -> None:
        handle, path = tempfile.mkstemp(prefix="incoming-", dir=directory)
        self.path = Path(path)
        self.size = 0
        self._out: IO[bytes] = os.fdopen(handle, "wb")
        # MD5 is an identifier here (legacy `#md5=`), not a protection.
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()
        self._blake2b = hashlib.blake2b(digest_size=32)

    def write(self, chunk: bytes) -> None:
        self._out.write(chunk)
        self.size += len(chunk)
        self._md5.update(chunk)
        self._sha256.update(chunk)
        self._blake2b.update(chunk)

    def finish(self) -> Content:
        self._out.flush()
        os.fchmod(self._out.fileno(), 0o644)  # mkstemp makes it private; the content host serves it
        os.fsync(self._out.fileno())
        self._out.close()
        return Content(self.size, self._md5.hexdigest(), self._sha256.hexdigest(), self._blake2b.hexdigest(), self.path)

    def __enter__(self) -> Receiving:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.close()
        self.path.unlink(missing_ok=True)


def place(files: Path, content: Content, filename: str, beside: Mapping[str, bytes | None]) -> None:
    """Move received bytes to their final path, and beside them what is given by suffix."""
    final = files / content_path(content.blake2b_256, filename)
    final.parent.mkdir(parents=True, exist_ok=True)
    for suffix, data in beside.items():
        if data is not None:
            _write_beside(final.with_name(final.name + suffix), data)
    os.replace(content.path, final)
    # The new directory entries must survive a power cut too, up to the directory that existed before.
    for directory in (final.parent, *final.parent.parents[:3]):
        _sync(directory)


def sweep(directory: Path, before: datetime) -> None:
    for path in directory.iterdir():
        # Another process may be sweeping, or placing, the same file.
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before.timestamp():
                path.unlink()


def _write_beside(final: Path, data: bytes) -> None:
    handle, path = tempfile.mkstemp(prefix=".beside-", dir=final.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fchmod(out.fileno(), 0o644)
            os.fsync(out.fileno())
        os.replace(path, final)
    except BaseException:
        Path(path).unlink(missing_ok=True)
        raise


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
