"""`edgeproxy shadow` of the edge whose control socket is in a place."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path


async def shadow(place: Path, *words: str) -> tuple[int, str]:
    command = (sys.executable, "-m", "edgeproxy", "shadow", *words, "--control", str(place / "control"))
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode().strip()
