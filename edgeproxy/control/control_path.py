"""The place of a control socket in the file system, of any length: the kernel's own limit is 107 octets.

A socket's name is looked up in its folder, and the folder is reached by a descriptor.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def name_of(path: Path) -> Iterator[str]:
    """What to bind or connect to. Raises OSError."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def connected(path: Path, timeout: float) -> socket.socket:
    """Raises OSError."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout)
        with name_of(path) as name:
            sock.connect(name)
    except OSError:
        sock.close()
        raise
    return sock


def is_live(path: Path) -> bool:
    """Whether somebody listens there (or it cannot be known)."""
    try:
        connected(path, timeout=1.0).close()
    except (ConnectionRefusedError, FileNotFoundError):
        return False
    except OSError:
        return True
    return True
