"""The directory that workers share, and which of its generations counts.

    DIR/current-N             the name of the generation, of version N of the index
    DIR/gN-HEX/index.sqlite   the index, and what SQLite puts beside it
    DIR/gN-HEX/objects/ab/…   contents too large for the index
    DIR/spool/…               contents on their way
    DIR/arriving/…            what is told of these to other workers
    DIR/lock                  octets of it are locked: see claims.py

Laws of this module:
- an index that cannot be used is not repaired: a new generation begins, empty, and the old one is thrown away. Its
  files share no name with the old one's, so a process that still has the old index open cannot damage the new one;
- an edge of another version has generations of its own, and neither touches the other's: while one takes over from the
  other both have theirs. Those of a version that nobody has changed for a day are thrown away;
- everybody sees by one stat(2) of `current` that the generation is another, deleted or not to be reached;
- of several processes that want a new generation for the same reason, one makes it, and the others take it.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Final

from edgeproxy.proxy.cache.ofd_locks import lock
from edgeproxy.proxy.cache.process_names import new_name
from edgeproxy.proxy.cache.schema import VERSION, create_index

_GENERATION: Final = re.compile(rf"g{VERSION}-[0-9a-f]{{16}}", re.ASCII)
_OTHERS: Final = re.compile(r"g[0-9]*-[0-9a-f]{16}", re.ASCII)
_UNUSED: Final = 86_400.0  # seconds after which another version's is nobody's any more
_OLD: Final = "old-"
_LOCKED: Final = 0  # the octet of `lock` that who changes `current` has

Stamp = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Generation:
    """`stamp`: inode and ctime of the `current` that names it."""

    path: Path
    stamp: Stamp

    @property
    def index(self) -> Path:
        return self.path / "index.sqlite"

    def object(self, name: str) -> str:
        """The path of a content's file. 256 folders, so that none is too large to be read; each is made when needed."""
        return f"{self.path}/objects/{int(name.rpartition('-')[2]) & 255:02x}/{name}"


class Directory:
    """One directory. `create` makes what is missing."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.spool = root / "spool"
        self.arriving = root / "arriving"
        self.lock = root / "lock"
        self._current = str(root / f"current-{VERSION}")

    def create(self) -> None:
        """Make what is missing. Raises OSError."""
        for folder in (self.root, self.spool, self.arriving):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))

    def stamp(self) -> Stamp:
        """Of the generation that counts now. Raises OSError when there is none. PERF: 2 µs."""
        found = os.stat(self._current)
        return found.st_ino, found.st_ctime_ns

    def current(self) -> Generation | None:
        """None: there is none, or `current` names none. Raises OSError when it cannot be known."""
        try:
            with open(self._current, "rb") as file:
                found = os.fstat(file.fileno())
                name = file.read(64).decode("latin-1").strip()
        except FileNotFoundError:
            return None
        if _GENERATION.fullmatch(name) is None:
            return None
        return Generation(self.root / name, (found.st_ino, found.st_ctime_ns))

    def renew(self, seen: Generation | None) -> Generation:
        """A new generation instead of the one that was `seen`, or the one that another process began meanwhile. Raises
        OSError and sqlite3.Error.
        """
        with self._locked():
            now = self.current()
            if now is not None and (seen is None or now.stamp != seen.stamp):
                return now
            return self._begin()

    def _begin(self) -> Generation:
        name = f"g{VERSION}-{token_hex(8)}"
        path = self.root / name
        try:
            (path / "objects").mkdir(mode=0o700, parents=True)
            create_index(path / "index.sqlite")
            self._point_to(name)
        except (OSError, sqlite3.Error):
            shutil.rmtree(path, ignore_errors=True)
            raise
        current = self.current()
        if current is None:
            raise OSError(f"{self._current} is not what was written to it")
        return current

    def _point_to(self, name: str) -> None:
        aside = self.spool / new_name()
        try:
            with open(aside, "x", encoding="ascii") as file:
                file.write(f"{name}\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, self._current)
        except OSError:
            with suppress(OSError):
                os.unlink(aside)
            raise

    def drop(self) -> None:
        """From now on nobody finds anything, until a new generation begins. Raises OSError."""
        with self._locked(), suppress(FileNotFoundError):
            os.unlink(self._current)

    def sweep(self) -> None:
        """Throw away the generations that do not count. Raises OSError."""
        with self._locked():
            current = self.current()
            for name in os.listdir(self.root):
                if _GENERATION.fullmatch(name):
                    is_over = current is None or current.path.name != name
                else:
                    is_over = _OTHERS.fullmatch(name) is not None and self._is_unused(name)
                if is_over:
                    os.rename(self.root / name, self.root / f"{_OLD}{name}")
        for name in os.listdir(self.root):
            if name.startswith(_OLD) and _OTHERS.fullmatch(name.removeprefix(_OLD)):
                shutil.rmtree(self.root / name, ignore_errors=True)  # others do the same at the same time

    def _is_unused(self, name: str) -> bool:
        """Of another version's generation: whether its index was not changed for long."""
        files = (self.root / name).glob("index.sqlite*")
        return time.time() - max((file.stat().st_mtime for file in files), default=0.0) > _UNUSED

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fd = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            lock(fd, _LOCKED)
            yield
        finally:
            os.close(fd)
