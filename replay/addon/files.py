"""The files of a capture that one program writes: each begun and ended with a note, changed before it grows large."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from edgeproxy.capture.blocks import Packer
from edgeproxy.capture.columns import object_of
from edgeproxy.capture.settings import Kept, Settings, is_of, superfluous
from edgeproxy.capture.versions import NOTE

_MODE: Final = 0o600


class CaptureFiles:
    """`worker`: by which a file's name is told from those of other programs."""

    def __init__(self, settings: Settings, worker: int, about: Mapping[str, object]) -> None:
        self._settings = settings
        self._directory = Path(settings.directory)
        self._worker = worker
        self._about = about
        self._packer = Packer()
        self._fd = -1
        self._size = 0
        self._number = 0

    def write(self, blocks: bytes, numbers: Mapping[str, object]) -> None:
        """All of it in one file. `numbers`: for the note at the end of the file before. Raises OSError."""
        if self._fd < 0 or self._size + len(blocks) > self._settings.file_limit:
            self.close(numbers)
            self._make_room()
            self._open()
        self._put(blocks)

    def close(self, numbers: Mapping[str, object]) -> None:
        """With a last note, if the disk takes it."""
        if self._fd >= 0:
            with suppress(OSError):
                self._put(self._note("end", numbers))
            self.give_up()

    def give_up(self) -> None:
        """The file ends with what is whole."""
        if self._fd >= 0:
            with suppress(OSError):
                os.ftruncate(self._fd, self._size)
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        while self._fd < 0:
            self._number += 1
            path = self._directory / self._settings.file_name(self._worker, self._number)
            with suppress(FileExistsError):
                self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
        self._size = 0
        self._put(self._note("begin", {**self._about, "file": self._number}))

    def _put(self, octets: bytes) -> None:
        at = 0
        while at < len(octets):
            at += os.write(self._fd, memoryview(octets)[at:])
        self._size += len(octets)

    def _note(self, what: str, words: Mapping[str, object]) -> bytes:
        return self._packer.pack(object_of({NOTE: what, **words, "time": round(time.time(), 6)}) + b"\n", 0)

    def _make_room(self) -> None:
        if not self._directory.is_dir():
            return
        found = [each for each in self._directory.iterdir() if is_of(each.name, self._settings)]
        files = [Kept(each.name, each.stat().st_size, each.stat().st_mtime) for each in found]
        for name in superfluous(files, self._settings):
            (self._directory / name).unlink(missing_ok=True)
