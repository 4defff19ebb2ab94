"""Pairs on their way to the process that compares them: files in a directory of their own, written and read in order.

Laws of this module:
- who writes never waits for who reads, and holds nothing in memory: what there is no room for is not taken;
- a file that was read is gone at once. What is in these files was made by this program alone (mode 0700).
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from replay.comparing.judging import Pair

_FILE: Final = 16 << 20  # octets, about
_END: Final = "end"
_POLL: Final = 0.05  # seconds
_LENGTH: Final = 8  # octets


class Spool:
    """`most`: octets that may lie there."""

    def __init__(self, directory: Path, most: int) -> None:
        self._directory = directory
        self._most = most
        self._sizes: dict[Path, int] = {}  # of files that may still be there
        self._number = 0
        self._file = self._next()

    def put(self, pair: Pair) -> bool:
        """Whether there was room for it."""
        octets = pickle.dumps(pair, pickle.HIGHEST_PROTOCOL)
        if sum(self._sizes.values()) + len(octets) > self._most:
            self._sizes = {path: size for path, size in self._sizes.items() if path.exists()}
            if sum(self._sizes.values()) + len(octets) > self._most:
                return False
        try:
            self._file.write(len(octets).to_bytes(_LENGTH) + octets)
        except OSError:  # the disk is full: what is there is compared, and nothing more is taken
            self._most = 0
            return False
        path = _path(self._directory, self._number)
        self._sizes[path] += _LENGTH + len(octets)
        if self._sizes[path] >= _FILE:
            self._file.close()
            self._file = self._next()
        return True

    def flush(self) -> None:
        """What was put can be read."""
        try:
            self._file.flush()
        except OSError:
            self._most = 0

    def end(self) -> None:
        """Nothing more is put."""
        with suppress(OSError):
            self._file.close()
        (self._directory / _END).touch()

    def _next(self) -> BinaryIO:
        self._number += 1
        path = _path(self._directory, self._number)
        self._sizes[path] = 0
        return path.open("xb")


def read(directory: Path) -> Iterator[Pair | None]:
    """To the end, however late that comes; None: there is nothing more at the moment. Files that were read are gone."""
    number = 1
    while True:
        path = _path(directory, number)
        with path.open("rb") as file:
            yield from _read(file, directory, number)
        path.unlink()
        number += 1
        if not _path(directory, number).exists():
            return


def _read(file: BinaryIO, directory: Path, number: int) -> Iterator[Pair | None]:
    at = 0
    while True:
        may_grow = not (directory / _END).exists() and not _path(directory, number + 1).exists()
        file.seek(at)
        head = file.read(_LENGTH)
        octets = file.read(int.from_bytes(head)) if len(head) == _LENGTH else b""
        if len(head) == _LENGTH and len(octets) == int.from_bytes(head):
            at += _LENGTH + len(octets)
            yield pickle.loads(octets)
        elif may_grow:  # that was looked at before the file was
            yield None
            time.sleep(_POLL)
        else:
            return


def _path(directory: Path, number: int) -> Path:
    return directory / f"{number:06}"
