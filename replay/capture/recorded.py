"""A capture, of whatever form, as newline JSON: for who reads that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edgeproxy.capture.record import Captured, line_of
from replay.capture.found import Skipped
from replay.capture.logs import is_plain_json, line_reader
from replay.capture.reading import Assumed, is_capture, is_document, is_packed_file, read_all, read_start


class Recorded:
    """`skipped`: what was broken, once the lines are read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.skipped: list[Skipped] = []

    def lines(self) -> Iterator[str]:
        """Raises OSError, Unreadable."""
        for source in read_all([self._path], Assumed()):
            if isinstance(source.found, Captured):
                yield line_of(source.found).decode("ascii")
            elif isinstance(source.found, Skipped):
                self.skipped.append(source.found)


def is_recorded(path: Path) -> bool:
    """Whether it is something else than newline JSON as people write it, which is read as it is. Raises OSError."""
    if path.is_dir() or is_packed_file(path):
        return True
    start = read_start(path)
    if is_capture(start) or is_document(start):
        return True
    return line_reader(start, Assumed()) is not None and not is_plain_json(start)
