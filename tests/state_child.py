"""A process that appends to one cutover's journal, for tests of several writers and of one that is killed.

    python tests/state_child.py LOCATION WHO MOST

Writes `ready`, waits for a line, then appends until the journal has MOST entries. Each number that it was told it has
won is a line.
"""

from __future__ import annotations

import asyncio
import sys
import time

from cutover_values import cutover
from state_stores import open_store

from edgeproxy.migration.commands import Rollback, Start
from edgeproxy.migration.cutover import decide
from edgeproxy.migration.journal import Entry

READS = cutover()


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def main(location: str, who: str, most: int) -> None:
    store = await open_store(location, who)
    say("ready")
    sys.stdin.readline()
    while True:
        state = await store.read("reads")
        if state.number >= most:
            break
        asked = Rollback(who, "in turn") if state.is_running else Start(who, "in turn", "rules-1")
        made = decide(READS, state, asked, time.time())
        assert isinstance(made, Entry)
        if await store.append(made):
            say(str(made.number))
    await store.close()


if __name__ == "__main__":
    location, who, most = sys.argv[1:]
    asyncio.run(main(location, who, int(most)))
