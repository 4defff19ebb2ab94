"""Standard output of a command. Its reader may stop early (`edgeproxy check rules.yaml | head`), or be a terminal."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

from edgeproxy.telemetry.printable import printable as printable  # for all verbs


def say(text: str) -> None:
    """Print a text. When nobody reads any more, it and what follows go nowhere: the exit status still says all."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)  # closed, standard output would fail again at the process's end
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def printable_lines(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


def moment(seconds: float) -> str:
    """POSIX seconds, as a person reads them."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
