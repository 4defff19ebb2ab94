"""The file that says which process to send signals to."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def write_pid_file(path: Path) -> None:
    """Replaces another's, as an upgrade wants; never half-written. Raises OSError."""
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    aside.write_text(f"{os.getpid()}\n")
    aside.replace(path)


def remove_pid_file(path: Path) -> None:
    """If it is still this process's."""
    with suppress(OSError):
        if path.read_text() == f"{os.getpid()}\n":
            path.unlink()
