"""The files of a capture that one writer makes: one after the other, none above its bound; the oldest go to make room.

An edge's workers write by it, and mitmproxy's addon. Whoever writes has the clock: none is read in this package.

Law: a file ends with a whole block, whatever the disk does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from edgeproxy.capture.blocks import Packer
from edgeproxy.capture.columns import object_of
from edgeproxy.capture.settings import Kept, Settings, is_of, superfluous
from edgeproxy.capture.versions import NOTE


class Files:
    """`files`: so many were begun; `octets`: in all of them; `written`: records, likewise."""

    def __init__(
        self, settings: Settings, worker: int, about: Mapping[str, object], clock: Callable[[], float]
    ) -> None:
        """`worker`: by which the names of its files are told from those of others. `about`: words of the note with
        which each file begins. `clock`: seconds since the epoch, for the notes.
        """
        self._settings = settings
        self.directory = Path(settings.directory)
        self._worker = worker
        self._about = about
        self._clock = clock
        self._packer = Packer()
        self._fd = -1
        self._size = 0  # of the file
        self.files = 0
        self.octets = 0
        self.written = 0

    def add(self, content: bytes, records: int) -> None:
        """A block. Raises OSError: then nothing more can be written, and it is to be given up."""
        block = self._packer.pack(content, records)
        if self._fd < 0 or self._size + len(block) > self._settings.file_limit:
            self.close({})
            self._make_room()
            self._open()
        self._put(block)
        self.written += records

    def _put(self, block: bytes) -> None:
        at = 0
        while at < len(block):
            at += os.write(self._fd, memoryview(block)[at:])
        self._size += len(block)
        self.octets += len(block)

    def _open(self) -> None:
        while self._fd < 0:
            self.files += 1
            path = self.directory / self._settings.file_name(self._worker, self.files)
            with suppress(FileExistsError):  # of a worker that had this one's number
                self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._size = 0
        self._put(self._note("begin", {**self._about, "file": self.files}))

    def close(self, about: Mapping[str, object]) -> None:
        """Of the file at hand, with a last note, if the disk takes it."""
        if self._fd >= 0:
            with suppress(OSError):
                self._put(self._note("end", {"written": self.written, "lost": 0, **about}))
            self.give_up()

    def _note(self, what: str, words: Mapping[str, object]) -> bytes:
        return self._packer.pack(object_of({NOTE: what, **words, "time": round(self._clock(), 6)}) + b"\n", 0)

    def _make_room(self) -> None:
        files = []
        with os.scandir(self.directory) as entries:
            for entry in entries:
                if is_of(entry.name, self._settings):
                    with suppress(FileNotFoundError):  # another worker makes room, too
                        found = entry.stat()
                        files.append(Kept(entry.name, found.st_size, found.st_mtime))
        for name in superfluous(files, self._settings):
            (self.directory / name).unlink(missing_ok=True)

    def give_up(self) -> None:
        """What is there ends with a whole block."""
        if self._fd >= 0:
            with suppress(OSError):
                os.ftruncate(self._fd, self._size)
            os.close(self._fd)
            self._fd = -1
