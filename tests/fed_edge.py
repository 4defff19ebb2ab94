"""An edge that takes findings on its standard input, one a line, as if the comparers of its workers had found them."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from edgeproxy.control.reading import read_rules
from edgeproxy.control.supervisor import Options, Supervisor
from edgeproxy.ruleset.load import Overrides


async def main(rules: Path, control: Path, state: Path) -> None:
    text, ruleset = read_rules(rules, Overrides(), generation=1)
    options = Options(workers=1, grace=1.0, control=control, state=state)
    supervisor = Supervisor(text, ruleset, options, None, lambda _: sys.stdout.write("ready\n") and sys.stdout.flush())
    feeding = asyncio.create_task(feed(supervisor))
    await supervisor.run()
    feeding.cancel()


async def feed(supervisor: Supervisor) -> None:
    reader = asyncio.StreamReader(limit=1 << 24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        supervisor._services.hear_found(line.decode())


if __name__ == "__main__":
    asyncio.run(main(*map(Path, sys.argv[1:])))
