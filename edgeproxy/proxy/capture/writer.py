"""The writer of a worker's capture: a process of its own, which digests large answers, compresses and writes.

Started by its worker as `python -m edgeproxy.proxy.capture.writer CHANNEL`, an inherited descriptor. What comes there
is work (`capture.work`); what it says, after each block, is a line of JSON.

Laws of this module:
- it says a line when it is there;
- it ends when its worker closes the channel, or is gone: what came until then is written;
- a disk that takes nothing ends the capture and nothing else: the problem is said, the last file ends with a whole
  block, and what comes later is counted as lost.

PERF: not a thread. A process with a second thread pays for it with each of its system calls and allocations (locks,
cancellation points, counted descriptors): 0.7 of 21 µs of a pass; and what one thread makes and another one lets go
moves between two cores, and so does the interpreter's lock: another 1 µs.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import BinaryIO, Final, assert_never

from edgeproxy.capture.columns import NOTHING, Draft, number_in
from edgeproxy.capture.content import ContentReader
from edgeproxy.capture.files import Files
from edgeproxy.capture.work import Begin, End, Feed, LetGo, Told, Work, Write, read_work
from edgeproxy.proxy.deaf import be_deaf

_READ: Final = 1 << 18  # octets at a time


def main(argv: Sequence[str]) -> int:
    (channel,) = map(int, argv)
    be_deaf()
    with socket.socket(fileno=channel) as sock, open(channel, "rb", buffering=_READ, closefd=False) as file:
        begin = read_work(file)
        if isinstance(begin, Begin):
            _Writer(sock, Files(begin.settings, begin.worker, begin.about, time.time)).run(file)
    return 0


class _Writer:
    def __init__(self, sock: socket.socket, files: Files) -> None:
        self._socket = sock
        self._files = files
        self._readers: dict[int, ContentReader] = {}  # of answers that are not whole yet, or have no row
        self._lost = 0  # records
        self._problem: str | None = None

    def run(self, file: BinaryIO) -> None:
        self._tell()  # it is there
        with suppress(ConnectionResetError):  # its worker is gone, and had not read all that was said here
            while (work := read_work(file)) is not None:
                self._do(work)
        self._close({})

    def _do(self, work: Work) -> None:
        match work:
            case Begin():
                raise AssertionError("it comes first, and once")
            case Write(draft=draft):
                self._write(draft)
            case Feed(number=number, has_head=has_head, pieces=pieces):
                reader = self._readers.get(number)
                if reader is None:
                    reader = self._readers[number] = ContentReader(has_head=has_head)
                reader.feed(pieces)
            case LetGo(number=number):
                self._readers.pop(number, None)
            case End(about=about):
                self._close(about)
            case _:
                assert_never(work)

    def _write(self, draft: Draft) -> None:
        content = draft.content([self._known(each) for each in draft.late])
        if self._problem is not None:
            self._lost += draft.records
            return
        try:
            self._files.add(content, draft.records)
        except OSError as error:
            self._lost += draft.records
            self._files.give_up()
            self._problem = f"{self._files.directory}: {error.strerror or error}"
        self._tell()

    def _known(self, placeholder: bytes) -> bytes:
        """What stands in the place of that."""
        reader = self._readers.pop(number_in(placeholder), None)
        return NOTHING if reader is None else reader.end() or NOTHING

    def _close(self, about: Mapping[str, object]) -> None:
        self._files.close({**about, "lost": self._lost})
        self._tell()

    def _tell(self) -> None:
        told = Told(self._files.written, self._lost, self._files.files, self._files.octets, self._problem)
        with suppress(OSError):  # its worker is gone
            self._socket.sendall(told.line())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
