"""The one error of the store that is not an answer: the directory cannot be used as a store."""

from __future__ import annotations

from pathlib import Path


class StoreError(Exception):
    """Says where, what, why and what to do, in one line."""

    def __init__(self, directory: Path, why: str, remedy: str) -> None:
        super().__init__(f"{directory}: cannot be used as a store: {why}; {remedy}")
        self.directory = directory
