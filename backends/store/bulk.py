"""Many files at once, for stores that are filled from nothing: one transaction, and no waiting for the disk.

Laws of this module:
- what is added is what an upload adds, and is found by the same searches;
- nothing of it is in the index before all bytes of it are written: a killed process leaves bytes, and no rows. After a
  power cut a store that was being filled is to be filled anew.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from types import TracebackType
from typing import Final, Self

from packaging.utils import canonicalize_name

from backends.store import writing
from backends.store.content import METADATA_SUFFIX, Hashed
from backends.store.model import NewFile, content_path
from backends.store.searchable import follow_projects
from backends.store.store import Store

_CACHE_KIB: Final = 64 << 10  # of pages that are written to: by hashes, so that any of them may be the next


class Bulk:
    def __init__(self, store: Store, with_files: bool = True) -> None:
        self._store = store
        self._with_files = with_files
        self._stack = ExitStack()
        self._made: set[str] = set()
        self._projects: list[int] = []

    def __enter__(self) -> Self:
        self._store.connection.execute(f"PRAGMA cache_size = {-_CACHE_KIB}")
        self._stack.enter_context(self._store.exclusive())
        self._stack.enter_context(self._searchable())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @contextmanager
    def _searchable(self) -> Iterator[None]:
        """At its end searches find what was added: all of it at once, which takes a fraction of the time."""
        yield
        follow_projects(self._store.connection, self._projects)

    def add(self, new: NewFile, content: bytes, now: datetime) -> None:
        """Raises ValueError where something stands against it."""
        described = _described(content)
        try:
            writing.insert_file(self._store.connection, new, described, now, index_now=False)
        except sqlite3.IntegrityError:  # of its name or of its bytes
            what = f"{new.filename} is in the store already, or was once: fill a store that is empty"
            raise ValueError(what) from None
        if self._with_files:
            self._write(new, content, described)

    def end_project(self, name: str) -> None:
        """All of a project's files are added: searches are to find it when this is left."""
        project_id = writing.project_id_of(self._store.connection, str(canonicalize_name(name)))
        if project_id is not None:
            writing.end_project(self._store.connection, project_id)
            self._projects.append(project_id)

    def _write(self, new: NewFile, content: bytes, described: Hashed) -> None:
        final = f"{self._store.files_directory}/{content_path(described.blake2b_256, new.filename)}"
        self._make(final.rpartition("/")[0])
        _write_file(final, content)
        if new.wheel_metadata is not None:
            _write_file(final + METADATA_SUFFIX, new.wheel_metadata)

    def _make(self, folder: str) -> None:
        """Of the folders above, most are there already."""
        parent, _, _ = folder.rpartition("/")
        if parent not in self._made:
            os.makedirs(parent, exist_ok=True)
            self._made.add(parent)
        with suppress(FileExistsError):
            os.mkdir(folder)


def _write_file(path: str, data: bytes) -> None:
    """Without buffers and text layers, which take longer than a small file's writing does."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    finally:
        os.close(descriptor)


def _described(content: bytes) -> Hashed:
    return Hashed(
        size=len(content),
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        sha256=hashlib.sha256(content).hexdigest(),
        blake2b_256=hashlib.blake2b(content, digest_size=32).hexdigest(),
    )
