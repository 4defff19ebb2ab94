"""The verbs of `edgeproxy` without a process for each, of which every one costs half a second of CPU."""

from __future__ import annotations

import asyncio
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from threading import Lock

from edgeproxy.cli.main import main

_PRINTING = Lock()  # there is one standard output


async def verb(*words: object) -> tuple[int, str]:
    """The status of a command line, and what it says on standard output and standard error."""
    return await asyncio.to_thread(_said, list(map(str, words)))


def _said(words: list[str]) -> tuple[int, str]:
    out = StringIO()
    with _PRINTING, redirect_stdout(out), redirect_stderr(out):
        status = main(words)
    return status, out.getvalue().strip()
