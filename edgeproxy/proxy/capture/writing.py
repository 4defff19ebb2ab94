"""The thread that writes a capture, and digests large answers.

Laws of this module:
- nobody waits for it: what it has not done is held up to a bound, by who asks, and dropped beyond;
- a disk that takes nothing ends the capture and nothing else: the problem is told, the last file ends with a whole
  block, and what comes later is counted as lost.

PERF: it takes turns with the loop for the interpreter's lock; so a block is small, 0.2 ms of work. It lets go of the
lock to compress, to write, and to digest.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import assert_never

from edgeproxy.capture.blocks import Packer
from edgeproxy.capture.columns import object_of
from edgeproxy.capture.content import ContentReader, Piece
from edgeproxy.capture.rows import Block
from edgeproxy.capture.settings import Kept, Settings, is_of, superfluous
from edgeproxy.capture.versions import NOTE


@dataclass(frozen=True, slots=True)
class Write:
    """`block` is the thread's from now on."""

    block: Block
    octets: int


@dataclass(frozen=True, slots=True)
class Feed:
    """More of a large answer."""

    reader: ContentReader
    pieces: Sequence[Piece]
    octets: int


@dataclass(frozen=True, slots=True)
class End:
    """`about`: the last note's words."""

    about: Mapping[str, object]
    octets: int = 0


Work = Write | Feed | End


class Writer(Thread):
    """Its numbers are its own to change, and anybody's to read."""

    def __init__(self, settings: Settings, worker: int, about: Mapping[str, object]) -> None:
        """`about`: words of the note with which each file begins."""
        super().__init__(name="edgeproxy capture", daemon=True)
        self._settings = settings
        self._directory = Path(settings.directory)
        self._worker = worker
        self._about = about
        self._work: SimpleQueue[Work] = SimpleQueue()
        self._packer = Packer()
        self._fd = -1
        self._size = 0  # of the file
        self.done = 0  # octets of work
        self.files = 0
        self.written = 0  # records
        self.lost = 0  # records
        self.octets = 0  # in files
        self.problem: str | None = None

    def put(self, work: Work) -> None:
        self._work.put(work)

    def run(self) -> None:
        while True:
            work = self._work.get()
            self._do(work)
            self.done += work.octets
            if isinstance(work, End):
                return

    def _do(self, work: Work) -> None:
        match work:
            case Write(block=block):
                self._write(block)
            case Feed(reader=reader, pieces=pieces):
                reader.feed(pieces)
            case End(about=about):
                self._close(about)
            case _:
                assert_never(work)

    def _write(self, block: Block) -> None:
        left = len(block)
        if self.problem is not None:
            self.lost += left
            return
        try:
            for content, records in block.contents():
                self._write_block(self._packer.pack(content, records))
                self.written += records
                left -= records
        except OSError as error:
            self.lost += left
            self._give_up(error)

    # -- files --------------------------------------------------------------------------------------------------

    def _write_block(self, block: bytes) -> None:
        if self._fd < 0 or self._size + len(block) > self._settings.file_limit:
            self._close({})
            self._make_room()
            self._open()
        self._put(block)

    def _put(self, block: bytes) -> None:
        at = 0
        while at < len(block):
            at += os.write(self._fd, memoryview(block)[at:])
        self._size += len(block)
        self.octets += len(block)

    def _open(self) -> None:
        while self._fd < 0:
            self.files += 1
            path = self._directory / self._settings.file_name(self._worker, self.files)
            with suppress(FileExistsError):  # of a worker that had this one's number
                self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._size = 0
        self._put(self._note("begin", {**self._about, "file": self.files}))

    def _close(self, about: Mapping[str, object]) -> None:
        """With a last note, if the disk takes it."""
        if self._fd < 0:
            return
        try:
            self._put(self._note("end", {**about, "written": self.written, "lost": self.lost}))
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._fd, self._size)
        os.close(self._fd)
        self._fd = -1

    def _note(self, what: str, words: Mapping[str, object]) -> bytes:
        return self._packer.pack(object_of({NOTE: what, **words, "time": round(time.time(), 6)}) + b"\n", 0)

    def _make_room(self) -> None:
        files = []
        with os.scandir(self._directory) as entries:
            for entry in entries:
                if is_of(entry.name, self._settings):
                    with suppress(FileNotFoundError):  # another worker makes room, too
                        found = entry.stat()
                        files.append(Kept(entry.name, found.st_size, found.st_mtime))
        for name in superfluous(files, self._settings):
            (self._directory / name).unlink(missing_ok=True)

    def _give_up(self, error: OSError) -> None:
        if self._fd >= 0:
            with suppress(OSError):
                os.ftruncate(self._fd, self._size)
            os.close(self._fd)
            self._fd = -1
        self.problem = f"{self._directory}: {error.strerror or error}"
