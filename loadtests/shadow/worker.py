"""One worker's edge whose shadows are handed on to nobody in particular: `python -m` runs it with a file of rules.

Who compares is another process of an edge, so it is left out here. SIGUSR1: print the counters.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import uvloop

from edgeproxy.proxy.edge import Edge
from edgeproxy.ruleset.load import load_ruleset


async def main(rules: Path) -> None:
    edge = Edge(load_ruleset(rules), deliver=lambda _: True)
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    loop.add_signal_handler(signal.SIGUSR1, lambda: sys.stdout.write(json.dumps(edge.counters.numbers()) + "\n"))
    await edge.start()
    await over.wait()
    await edge.stop(grace=0)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    uvloop.run(main(Path(sys.argv[1])))
