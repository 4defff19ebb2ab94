"""Start programs, wait until they answer, end them and all they started.

Law: a program runs in a process group of its own and is left only through `running`, which ends the whole
group: after an error and after Ctrl-C as well.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import randrange
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[2]
LOOPBACK: Final = "127.0.0.1"
_START_SECONDS: Final = 30.0  # ten thousand rules take some
_END_SECONDS: Final = 5.0
_STEP_SECONDS: Final = 0.02
_ASKED_FOR: Final = (10_000, 32_768)  # below net.ipv4.ip_local_port_range, as Linux has it
_SYSTEM_PROGRAMS: Final = "/usr/local/sbin:/usr/sbin:/sbin"  # Debian's users do not have these on PATH


class CannotStart(Exception):
    """A program did not come up; the message says which, and the last lines of its log."""


def find_program(name: str) -> str | None:
    """Those of this Python's environment come first: Envoy and Caddy are installed there."""
    environment = Path(sys.executable).parent
    return shutil.which(name, path=f"{environment}:{os.environ.get('PATH', os.defpath)}:{_SYSTEM_PROGRAMS}")


def version_printed_by(*command: str) -> str:
    """The first thing like a version that a program prints, for `-v` and the like (some print it to stderr)."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=10, check=False)
    found = re.search(r"\d+\.\d+[^\s/,]*", done.stdout)
    return found.group() if found else "of unknown version"


def free_port() -> int:
    """A port where nobody listens. None of those that the kernel gives to whoever asks for any: another process, or a
    connection, may have such a one before it is used.
    """
    while True:
        port = randrange(*_ASKED_FOR)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port


@contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for as long as the block lasts; what it prints goes to the log."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process)


def wait_until_it_answers(process: subprocess.Popen[bytes], answers: Callable[[], bool], log: Path) -> None:
    """Wait until `answers` is true. Raises CannotStart when the program ends before, or takes too long."""
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        if _has_ended(process):
            raise CannotStart(f"ended at once: {_tail(log)}")
        try:
            if answers():
                return
        except OSError:
            pass  # not listening yet
        time.sleep(_STEP_SECONDS)
    raise CannotStart(f"no answer as expected within {_START_SECONDS:.0f} s: {_tail(log)}")


def _tail(log: Path, lines: int = 3) -> str:
    text = log.read_text(errors="replace").strip()
    return " | ".join(line.strip() for line in text.splitlines()[-lines:]) or "it printed nothing"


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Asked without reaping: until its group was killed, nobody else can be given the process's number."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        os.kill(process.pid, signal.SIGTERM)
        until = time.monotonic() + _END_SECONDS
        while not _has_ended(process) and time.monotonic() < until:
            time.sleep(_STEP_SECONDS)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(_END_SECONDS)
