"""A site as a process: what it says when it is ready, when it cannot be, and how it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

COMMAND = [sys.executable, "-m", "backends.legacy"]


@contextmanager
def _started(store: Path, listen: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*COMMAND, "--store", str(store), "--listen", listen],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize(
    ("listen", "origin", "number"),
    [
        ("127.0.0.1:0", "http://127.0.0.1:", signal.SIGTERM),
        ("[::1]:0", "http://[::1]:", signal.SIGINT),
    ],
)
def test_a_site_says_where_it_is_and_ends_quietly(
    tmp_path: Path, listen: str, origin: str, number: signal.Signals
) -> None:
    with _started(tmp_path, listen) as process:
        ready, _, url = _first_line(process).strip().partition(" ")
        assert ready == "ready"
        assert url.startswith(origin)
        with urlopen(f"{url}/serial", timeout=30) as answer:
            assert answer.read() == b"0"
        process.send_signal(number)
        assert process.communicate(timeout=30) == ("", "")
        assert process.returncode == 0


def test_a_port_in_use_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with _started(tmp_path, address) as process:
            out, error = process.communicate(timeout=30)
    assert (process.returncode, out, error.count("\n")) == (1, "", 1)
    assert f"{address}: cannot listen: Address already in use" in error


def test_a_store_that_cannot_be_used_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with _started(tmp_path / "file", "127.0.0.1:0") as process:
        out, error = process.communicate(timeout=30)
    assert (process.returncode, out, error.count("\n")) == (1, "", 1)
    assert "cannot be used as a store" in error


@pytest.mark.parametrize("listen", ["8081", ":8081", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:\u0661"])
def test_what_is_no_address_is_wrong_usage(tmp_path: Path, listen: str) -> None:
    with _started(tmp_path, listen) as process:
        _, error = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "HOST:PORT" in error
