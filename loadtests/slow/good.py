"""The client that means well: it asks at a fixed rate, and measures from when it meant to ask.

Law: the load is open. A request that is answered late does not put off the next one: what has to wait for a free
connection waits on the clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

PATH: Final = "/page"
HOST: Final = "pypi.test"
SOURCE: Final = "127.0.0.2"  # not the attackers' address
_REQUEST: Final = f"GET {PATH} HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: good\r\n\r\n".encode()
_PATIENCE: Final = 30.0  # seconds for one answer


@dataclass(frozen=True, slots=True)
class Seen:
    """Seconds from the time a request was meant for to the end of its answer; `failures` were not answered by 200."""

    latencies: Sequence[float]
    failures: int

    def percentile(self, share: float) -> float:
        """The latency that this share of the requests, 0 to 1, did not exceed; nan when there was none."""
        ordered = sorted(self.latencies)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else float("nan")


async def ask_at_rate(port: int, rate: int, seconds: float, connections: int) -> Seen:
    """So many requests a second for so long, over kept connections."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[float | None] = asyncio.Queue()
    asking = [asyncio.ensure_future(_ask(port, waiting)) for _ in range(connections)]
    begin = loop.time()
    for number in range(int(rate * seconds)):
        meant = begin + number / rate
        if (ahead := meant - loop.time()) > 0:
            await asyncio.sleep(ahead)
        waiting.put_nowait(meant)
    for _ in asking:
        waiting.put_nowait(None)
    parts = await asyncio.gather(*asking)
    return Seen([each for part in parts for each in part.latencies], sum(part.failures for part in parts))


async def _ask(port: int, waiting: asyncio.Queue[float | None]) -> Seen:
    latencies: list[float] = []
    failures = 0
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    while (meant := await waiting.get()) is not None:
        try:
            async with asyncio.timeout(_PATIENCE):
                if streams is None:
                    streams = await asyncio.open_connection("127.0.0.1", port, local_addr=(SOURCE, 0))
                await _exchange(*streams)
        except (OSError, EOFError, ValueError):  # TimeoutError is an OSError
            failures += 1
            if streams is not None:
                streams[1].transport.abort()
            streams = None
        else:
            latencies.append(asyncio.get_running_loop().time() - meant)
    if streams is not None:
        streams[1].close()
        with suppress(OSError):
            await streams[1].wait_closed()
    return Seen(latencies, failures)


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One request and its answer. Raises OSError, EOFError, ValueError when it is not a good one."""
    writer.write(_REQUEST)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    if not head.startswith("http/1.1 200 "):
        raise ValueError(f"not an answer to count: {head[:40]!r}")
    await reader.readexactly(int(head.partition("\r\ncontent-length:")[2].partition("\r\n")[0]))
