"""The demo's processes: started, waited for, watched, and ended together."""

from __future__ import annotations

import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

_READY_WITHIN = 30.0  # seconds
_END_WITHIN = 10.0


class CannotStart(Exception):
    """A process did not come up; the message is its own last words."""


class Processes:
    """Context manager: what was started in it is ended with it, the last first."""

    def __init__(self) -> None:
        self._running: list[tuple[str, subprocess.Popen[str], IO[str]]] = []

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *exc: object) -> None:
        # an impatient second Ctrl-C must leave no process behind
        before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._end()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _end(self) -> None:
        for _, process, _ in reversed(self._running):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for _, process, errors in reversed(self._running):
            try:
                process.wait(_END_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
            errors.close()

    def start(self, name: str, *arguments: str | Path) -> str:
        """Run `python -m …` and wait until it says `ready ADDRESS`; returns the address. Raises CannotStart.

        Each gets a session of its own: Ctrl-C is for the demo, which ends them in order.
        """
        errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed in __exit__
        process = subprocess.Popen(
            [sys.executable, "-m", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
        self._running.append((name, process, errors))
        line = _first_line(process)
        if not line.startswith("ready "):
            raise CannotStart(f"{name} did not start: {_last_words(errors) or line or 'it said nothing'}")
        return line.split()[1]

    def wait(self) -> str:
        """Wait until one of them ends by itself; returns what to say about it."""
        while True:
            for name, process, errors in self._running:
                if process.poll() is not None:
                    return f"{name} ended with status {process.returncode}: {_last_words(errors)}"
            time.sleep(0.2)


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], _READY_WITHIN)
    return process.stdout.readline().strip() if ready else ""


def _last_words(errors: IO[str]) -> str:
    errors.seek(0)
    lines = errors.read().strip().splitlines()
    return lines[-1] if lines else ""
