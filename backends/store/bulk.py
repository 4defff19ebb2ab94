"""Many files at once, for stores that are filled from nothing: one transaction, and no waiting for the disk.

Laws of this module:
- what is added is what an upload adds, and is found by the same searches;
- nothing of it is in the index before all bytes of it are written: a killed process leaves bytes, and no rows. After a
  power cut a store that was being filled is to be filled anew.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from datetime import datetime
from types import TracebackType
from typing import Self

from packaging.utils import canonicalize_name

from backends.store import writing
from backends.store.content import METADATA_SUFFIX, Hashed
from backends.store.model import NewFile, content_path
from backends.store.store import Store
from backends.store.words import index_project


class Bulk:
    def __init__(self, store: Store, with_files: bool = True) -> None:
        self._store = store
        self._with_files = with_files
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self._store.exclusive())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def add(self, new: NewFile, content: bytes, now: datetime) -> None:
        """Raises ValueError where something stands against it."""
        described = _described(content)
        if self._store.objection(new.filename, described) is not None:
            raise ValueError(f"{new.filename} is in the store already, or was once: fill a store that is empty")
        if self._with_files:
            self._write(new, content, described)
        writing.insert_file(self._store.connection, new, described, now, index_now=False)

    def end_project(self, name: str) -> None:
        """All of a project's files are added: make it known to searches."""
        project_id = writing.project_id_of(self._store.connection, str(canonicalize_name(name)))
        if project_id is not None:
            index_project(self._store.connection, project_id)

    def _write(self, new: NewFile, content: bytes, described: Hashed) -> None:
        final = self._store.files_directory / content_path(described.blake2b_256, new.filename)
        final.parent.mkdir(parents=True, exist_ok=True)
        final.write_bytes(content)
        if new.wheel_metadata is not None:
            final.with_name(final.name + METADATA_SUFFIX).write_bytes(new.wheel_metadata)


def _described(content: bytes) -> Hashed:
    return Hashed(
        size=len(content),
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        sha256=hashlib.sha256(content).hexdigest(),
        blake2b_256=hashlib.blake2b(content, digest_size=32).hexdigest(),
    )
