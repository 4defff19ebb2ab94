"""Standard output of a command whose reader may stop early, as in `edgeproxy check rules.yaml | head`."""

from __future__ import annotations

import os
import sys


def say(text: str) -> None:
    """Print a text. When nobody reads any more, it and what follows go nowhere: the exit status still says all."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)  # closed, standard output would fail again at the process's end
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
