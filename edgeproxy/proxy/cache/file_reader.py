"""Files of directories: small ones read into memory, large ones held against the digest that their path says.

Laws of this module:
- what is read into memory is judged by the very octets that were read; what stays in its file, by the file's inode,
  ctime and size (checking.py);
- a file is read once for all who ask for it meanwhile; one of more than AT_ONCE octets by a thread.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Final

from edgeproxy.caching.keys import Key
from edgeproxy.caching.stored import DIGEST_OCTETS
from edgeproxy.http.etags import EntityTag
from edgeproxy.proxy.cache.aside import Aside
from edgeproxy.proxy.cache.checking import AT_ONCE, TICK, Checker, Wanted
from edgeproxy.proxy.cache.intake import new_hash
from edgeproxy.proxy.files import OpenFile
from edgeproxy.ruleset.modifiers import Digest
from edgeproxy.telemetry.stderr import tell

Verify = tuple[Digest, str] | None

_MOST_TOLD: Final = 1_024


@dataclass(frozen=True, slots=True)
class Loaded:
    """`digest` is Stored's. `is_right`: as far as its rule verifies it. `is_settled`: nobody wrote to the file while it
    was read, nor so shortly before that the same time of change may come to stand for other octets.
    """

    content: bytes
    digest: bytes
    is_right: bool
    is_settled: bool


class FileReader:
    """For one loop."""

    def __init__(self, small: int) -> None:
        """`small`: octets that are read into memory."""
        self.small = small
        self._aside = Aside("edgeproxy file check")
        self._checker = Checker(self._aside)
        self._loading: dict[tuple[Key, EntityTag | None, Verify], list[Callable[[Loaded | OSError], None]]] = {}
        self._told: set[tuple[str, EntityTag | None]] = set()  # files with another digest than their path says

    def load(self, key: Key, file: OpenFile, verify: Verify, then: Callable[[Loaded | OSError], None]) -> None:
        """The file is closed. `then` is called at once, or later on the loop."""
        if file.size <= AT_ONCE:
            try:
                loaded: Loaded | OSError = _load(file, verify)
            except OSError as error:
                loaded = error
            then(loaded)
            return
        job = key, file.representation.etag, verify
        waiting = self._loading.get(job)
        if waiting is not None:
            file.close()
            waiting.append(then)
            return
        self._loading[job] = [then]

        def on_loaded(loaded: Loaded | OSError) -> None:
            for each in self._loading.pop(job):
                each(loaded)

        self._aside.do(lambda: _load(file, verify), on_loaded)

    def check(self, file: OpenFile, verify: Verify, then: Callable[[bool | OSError], None]) -> None:
        """Whether it has the digest that its rule asks for; the file stays open."""
        if verify is None:
            then(True)
            return
        try:
            status = os.fstat(file.fd)
        except OSError as error:
            then(error)
            return
        kind, digest = verify
        wanted = Wanted((status.st_dev, status.st_ino, kind), file.size, digest, partial(new_hash, kind))
        self._checker.check(file.fd, wanted, then)

    def tell_wrong(self, rule: str, path: str, verify: Verify, etag: EntityTag | None) -> None:
        """Once for each file, as long as it is the same."""
        assert verify is not None, "something was asked for"
        if (path, etag) in self._told:
            return
        if len(self._told) >= _MOST_TOLD:
            self._told.clear()
        self._told.add((path, etag))
        tell(
            f"rule {rule}: the file {path} has not the {verify[0]} of its path: it is not given to anybody: put the "
            "right one in its place, or take it away"
        )

    def close(self) -> None:
        """What is under way is told to have failed."""
        self._aside.close()


def _load(file: OpenFile, verify: Verify) -> Loaded:
    """Raises OSError."""
    with closing(file):
        content = _read(file)
        status = os.fstat(file.fd)
    is_settled = (status.st_mtime_ns, status.st_size) == (file.mtime_ns, file.size)
    is_right = True
    if verify is not None:
        found = new_hash(verify[0])
        found.update(content)
        is_right = found.hexdigest() == verify[1]
    return Loaded(
        content,
        blake2b(content, digest_size=DIGEST_OCTETS).digest(),
        is_right,
        is_settled and not 0 <= time.time_ns() - file.mtime_ns <= TICK,
    )


def _read(file: OpenFile) -> bytes:
    """As many octets as it had when it was opened."""
    content = os.pread(file.fd, file.size, 0)
    while len(content) < file.size:
        more = os.pread(file.fd, file.size - len(content), len(content))
        if not more:
            raise OSError("the file became shorter while it was read")
        content += more
    return content
