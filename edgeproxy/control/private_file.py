"""Files under `run --state DIR`: for the user that runs the edge alone, whoever made DIR, and by whatever umask."""

from __future__ import annotations

import os
from pathlib import Path


def make_private(path: Path) -> None:
    """It is there, and empty when it was not: one that was there keeps its mode, which is its owner's choice. SQLite
    gives the files beside its own the same mode. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
