"""Answers to keep on disk, and ways to wait for what the disk tier answers by a callback."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from edgeproxy.caching.keys import Key, address_digest, digest_of, path_digest
from edgeproxy.caching.stored import DIGEST_OCTETS, Stored, Terms
from edgeproxy.http.etags import EntityTag
from edgeproxy.proxy.cache.checking import Content, KeptFile
from edgeproxy.proxy.cache.disk import Disk
from edgeproxy.proxy.cache.index import DiskCopy
from edgeproxy.proxy.cache.purges import PurgeLog
from edgeproxy.proxy.cache.schema import VERSION
from edgeproxy.proxy.cache.spool import Spool

HOST = "pypi.test"
NOW = 1_800_000_000.0
MIB = 1 << 20


def key_of(path: str, query: str = "") -> Key:
    return Key(path_digest(HOST, path), address_digest(HOST, path, query), digest_of(path.encode(), query.encode()))


def stored_of(content: bytes, *tags: str, accept: str = "json", purged: float | None = None) -> Stored:
    return Stored(
        status=200,
        lines=b"Content-Type: text/html\r\nX-Octets: \xe9\xff\r\n",
        terms=Terms(NOW, 600.0, 300.0, 86_400.0, immutable=True),
        size=len(content),
        digest=blake2b(content, digest_size=DIGEST_OCTETS).digest(),
        selecting=(("accept", accept), ("cookie", None)),
        tags=tags,
        content_type="text/html",
        etag=EntityTag("abc", weak=True),
        last_modified=1_500_000_000,
        coding="br",
        purged=purged,
    )


def content_of(name: str, size: int) -> bytes:
    """Octets that nothing else has."""
    return (f"<{name}>".encode() * (size // (len(name) + 2) + 1))[:size]


@contextmanager
def opened(directory: Path, limit: int = 1 << 30, log: PurgeLog | None = None) -> Iterator[Disk]:
    own = PurgeLog.create() if log is None else None
    disk = Disk.open(directory, limit, limit, log or own)  # type: ignore[arg-type]
    try:
        yield disk
    finally:
        disk.close()
        if own is not None:
            own.close()


async def put(disk: Disk, path: str, content: bytes | Spool, stored: Stored | None = None, since: int = 0) -> bool:
    """Whether it is kept."""
    if stored is None:
        stored = stored_of(content if isinstance(content, bytes) else content.read(0, content.size))
    kept: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    disk.put(key_of(path), stored, content, since, kept.set_result)
    return await kept


async def read(disk: Disk, copy: DiskCopy) -> bytes | None:
    """The content of a copy, read to its end."""
    got: asyncio.Future[Content | None] = asyncio.get_running_loop().create_future()
    disk.read(copy, got.set_result)
    content = await got
    if isinstance(content, KeptFile):
        octets = os.pread(content.fd, content.size + 1, 0)
        content.close()
        return octets
    return content


async def look_up(disk: Disk, path: str) -> bytes | None:
    """The content of the only copy that there is; None: there is none, or none that may be given."""
    copies = disk.find(key_of(path).primary)
    if not copies:
        return None
    (copy,) = copies
    return await read(disk, copy)


async def settled(disk: Disk) -> None:
    """All that was asked before is done: the thread does one thing after the other."""
    await put(disk, "/settled", b"")


def files_of(directory: Path, kind: str) -> list[Path]:
    """What is in `objects` of the generation that counts, or in `spool`, or in `arriving`."""
    folder = directory / kind
    if kind == "objects":
        folder = directory / (directory / f"current-{VERSION}").read_text().strip() / kind
    return sorted(path for path in folder.rglob("*") if path.is_file())


def index_of(directory: Path) -> Path:
    return directory / (directory / f"current-{VERSION}").read_text().strip() / "index.sqlite"
