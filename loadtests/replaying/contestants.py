"""Programs that make load, each as it makes most of it on one core: commands, and how many requests came of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtests.bench.processes import LOOPBACK, REPOSITORY
from loadtests.replaying.recording import HEADERS, URLS

CONNECTIONS = 100
_LOCUSTFILE = """
from itertools import cycle
from locust import FastHttpUser, constant, task
URLS, HEADERS = {urls!r}, {headers!r}
class User(FastHttpUser):
    wait_time = constant(0)
    paths = cycle(URLS)
    @task
    def page(self):
        self.client.get(next(self.paths), headers=HEADERS, name="page")
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """`cpu`: seconds of user and system time of the program, from its start to its end."""

    requests: int
    seconds: float
    cpu: float
    out: str

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    @property
    def cost(self) -> float:
        """Seconds of CPU time for each request."""
        return self.cpu / self.requests


def measured(
    command: Sequence[str], requests_of: Callable[[str], int], seconds: float, core: int | None = None
) -> Measured:
    """Run it, on one core if that is given. `seconds`: that it makes load."""
    process = subprocess.Popen(
        command if core is None else ("taskset", "-c", str(core), *command),
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Measured(requests_of(out), seconds, usage.ru_utime + usage.ru_stime, out)


def replay_command(recording: Path, port: int, *more: str) -> tuple[str, ...]:
    to = ("--to", f"http://{LOOPBACK}:{port}", "--quiet")
    return (sys.executable, "-m", "edgeproxy", "replay", str(recording), *to, *more)


def wrk_command(port: int, seconds: int, place: Path) -> tuple[str, ...]:
    script = place / "paths.lua"
    lines = "".join(f'paths[{number}] = "{url.partition("pypi.test")[2]}"\n' for number, url in enumerate(URLS))
    script.write_text(
        f"paths, at = {{}}, 0\n{lines}"
        f"request = function() at = (at + 1) % {len(URLS)}; return wrk.format(nil, paths[at]) end\n"
    )
    headers = [part for name, value in HEADERS.items() for part in ("-H", f"{name}: {value}")]
    load = ("-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "-s", str(script))
    return ("wrk", *load, "-H", "Host: pypi.test", *headers, f"http://{LOOPBACK}:{port}/")


def wrk_requests(out: str) -> int:
    found = re.search(r"(\d+) requests in", out)
    return int(found[1]) if found else 0


def hey_command(port: int, seconds: int) -> tuple[str, ...]:
    """One URL: it takes no more."""
    headers = [part for name, value in HEADERS.items() for part in ("-H", f"{name}: {value}")]
    load = ("-cpus", "1", "-c", str(CONNECTIONS), "-z", f"{seconds}s")
    return (
        "hey",
        *load,
        "-host",
        "pypi.test",
        *headers,
        f"http://{LOOPBACK}:{port}{URLS[0].partition('pypi.test')[2]}",
    )


def hey_requests(out: str) -> int:
    """Those that were answered by 200."""
    found = re.search(r"\[200\]\s+(\d+) responses", out)
    return int(found[1]) if found else 0


def locust_command(program: str, port: int, seconds: int, place: Path) -> tuple[str, ...]:
    file = place / "locustfile.py"
    paths = [url.partition("pypi.test")[2] for url in URLS]
    file.write_text(_LOCUSTFILE.format(urls=paths, headers={**HEADERS, "Host": "pypi.test"}))
    load = ("--users", str(CONNECTIONS), "--spawn-rate", str(CONNECTIONS), "--run-time", f"{seconds}s")
    host = ("--host", f"http://{LOOPBACK}:{port}")
    return (program, "-f", str(file), "--headless", *load, *host, "--json", "--loglevel", "ERROR")


def locust_requests(out: str) -> int:
    start = out.find("[")
    if start < 0:
        return 0
    found, _ = json.JSONDecoder().raw_decode(out[start:])  # a table follows
    return sum(int(each["num_requests"]) for each in found)


def pause() -> None:
    """Until sockets of the one before are gone."""
    time.sleep(1)
