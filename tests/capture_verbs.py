"""`edgeproxy capture` as people type it, as it is asked without a process of its own, and what is in the files then."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from edgeproxy.capture.record import Captured
from edgeproxy.control.control_client import ask
from replay.capture.found import Skipped
from replay.capture.reading import Assumed, read_all


async def command(*arguments: object) -> tuple[int, str]:
    return await run("capture", *arguments)


async def run(*arguments: object) -> tuple[int, str]:
    """Any verb."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edgeproxy", *map(str, arguments)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


async def told(verb: str, control: Path, **words: object) -> dict[str, Any]:
    """As the command asks, without a process of its own."""
    (answer,) = await asyncio.to_thread(lambda: list(ask(control, [{"do": "capture", "verb": verb, **words}])))
    return dict(answer)


def found_in_files(directory: Path) -> list[Captured]:
    """All of them whole."""
    found = [each.found for each in read_all([directory], Assumed())]
    assert not [each for each in found if isinstance(each, Skipped)]
    return [each for each in found if isinstance(each, Captured)]
