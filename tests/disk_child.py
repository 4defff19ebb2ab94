"""A process that keeps, reads, claims and announces under load, on a directory that it shares: to be killed.

    python tests/disk_child.py DIRECTORY LOG_FD LIMIT SEED

Writes `ready`, then a dot after each round, and ends with `WRONG …` when it was given what was never put.
"""

from __future__ import annotations

import asyncio
import random
import sys
from dataclasses import replace
from pathlib import Path

from disk_copies import content_of, key_of, read, stored_of

from edgeproxy.caching.keys import tag_digest
from edgeproxy.caching.purging import Mode, Purge, What
from edgeproxy.proxy.cache.disk import Disk
from edgeproxy.proxy.cache.purges import PurgeLog, carry_out

PATHS = 120
SIZES = (10, 3_000, 16_384, 20_000, 150_000, 400_000)


class Wrong(Exception):
    """Something was given that was never put."""


def say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


async def check(disk: Disk, path: str) -> int:
    """Every copy under a path that is given is one that was put there. Returns how many were."""
    given = 0
    for copy in disk.find(key_of(path).primary):
        content = await read(disk, copy)
        if content is None:
            continue
        given += 1
        if content != content_of(path, len(content)) or len(content) != copy.stored.size:
            raise Wrong(f"WRONG {path}: {copy.stored.size} octets")
        if copy.stored.tags != (path,):
            raise Wrong(f"WRONG {path}: the head of {copy.stored.tags}")
    return given


def keep(disk: Disk, log: PurgeLog, path: str, dice: random.Random) -> None:
    content = content_of(path, dice.choice(SIZES))
    stored = stored_of(content, path, accept=dice.choice(["json", "html"]))
    if dice.random() < 0.5:
        disk.put(key_of(path), stored, content, log.seq)
    elif disk.claim(key_of(path).primary):
        spool = disk.spool()
        disk.announce(key_of(path), replace(stored, size=0), spool, log.seq)
        for start in range(0, len(content), 60_000):
            spool.write(content[start : start + 60_000])
        if dice.random() < 0.8:
            disk.put(key_of(path), stored, spool, log.seq)
        spool.discard()
        disk.release(key_of(path).primary)


async def main(directory: Path, log: PurgeLog, limit: int, seed: int) -> None:
    dice = random.Random(seed)
    disk = Disk.open(directory, limit, limit, log)
    say("ready\n")
    while True:
        for _ in range(10):
            path = f"/{dice.randrange(PATHS)}"
            keep(disk, log, path, dice)
            await check(disk, f"/{dice.randrange(PATHS)}")
            arriving = disk.announced(key_of(path).primary)
            if arriving is not None:
                arriving.close()
        disk.note_hits({key_of(path).primary: 1})
        if dice.random() < 0.1:
            purge = Purge(What.TAG, dice.choice(list(Mode)), tag_digest(f"/{dice.randrange(PATHS)}"))
            await asyncio.to_thread(carry_out, [purge], log, disk)
        say(".")


if __name__ == "__main__":
    directory, fd, limit, seed = sys.argv[1:]
    asyncio.run(main(Path(directory), PurgeLog.adopt(int(fd)), int(limit), int(seed)))
