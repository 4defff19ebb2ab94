"""The file that says which process to send signals to. One edge's: another one that runs keeps it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from edgeproxy.control.failures import CannotRun


class PidFile:
    """`predecessor`: the process of the edge that is upgraded, whose file this one takes over."""

    def __init__(self, path: Path, predecessor: int | None = None) -> None:
        self._path = path
        self._predecessor = predecessor

    def check(self) -> None:
        """Raises CannotRun when it cannot be this edge's: told before anything is started."""
        try:
            owner = _edge_named(self._path)
            if owner is None or owner == self._predecessor:
                self._aside().touch()
                self._aside().unlink()
                return
        except OSError as error:
            raise self._unwritable(error) from None
        raise CannotRun(f"--pid-file {self._path} names process {owner}, which runs: stop it, or name another file")

    def write(self) -> None:
        """Never half-written. Raises CannotRun."""
        self.check()
        try:
            self._aside().write_text(f"{os.getpid()}\n")
            self._aside().replace(self._path)
        except OSError as error:
            with suppress(OSError):
                self._aside().unlink()
            raise self._unwritable(error) from None

    def remove(self) -> None:
        """If it is still this process's."""
        with suppress(OSError):
            if self._path.read_text() == f"{os.getpid()}\n":
                self._path.unlink()

    def _aside(self) -> Path:
        return self._path.with_name(f"{self._path.name}.{os.getpid()}")

    def _unwritable(self, error: OSError) -> CannotRun:
        return CannotRun(f"--pid-file {self._path} cannot be written: {error.strerror}")


def _edge_named(path: Path) -> int | None:
    """The process that a file names, if it is another edge that runs. Raises OSError."""
    try:
        text = path.read_text("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    if not text.isdecimal() or int(text) == os.getpid():
        return None
    return int(text) if _is_edge(int(text)) else None


def _is_edge(pid: int) -> bool:
    """Its number may have gone to some other program since, or to a worker. One that has ended has no command line."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"run" in words and any(os.path.basename(word) == b"edgeproxy" for word in words)
