"""mitmdump, a program of its own in an environment of its own, which is made once for all runs in this checkout."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from edge_process import WAIT
from heard import Heard
from own_environment import programs_of


def mitmdump() -> Path:
    """The program."""
    return programs_of("mitmproxy") / "mitmdump"


class Mitmdump(Heard):
    """One that runs, with its certificate authority in a place of its own."""

    def __init__(self, process: Process, place: Path) -> None:
        super().__init__(process)
        self.place = place

    @property
    def authority(self) -> Path:
        return self.place / "mitmproxy-ca-cert.pem"

    @property
    def proxy(self) -> str:
        """Its address, as a URL."""
        line = next(line for line in self.said if "listening at" in line)
        return f"http://127.0.0.1:{line.rstrip('.').rsplit(':', 1)[1]}"


@asynccontextmanager
async def running_mitmdump(place: Path, *arguments: str) -> AsyncIterator[Mitmdump]:
    """One that listens. It is ended as by Ctrl-C, so that what it does at its end is done."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}  # and no path to this checkout
    process = await asyncio.create_subprocess_exec(
        *(mitmdump(), "--listen-host", "127.0.0.1", "--listen-port", "0", "--set", f"confdir={place}", *arguments),
        env=kept | {"HOME": str(place), "PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    program = Mitmdump(process, place)
    listening = asyncio.ensure_future(program.listen())
    try:
        await program.until_said("listening at")
        yield program
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(WAIT):
            await process.wait()
            await listening
