"""`edgeproxy run` as a process with workers: started, listened to, signalled, asked what it is made of."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WAIT = 120.0  # seconds: for a machine that has much else to do


@dataclass
class EdgeProcess:
    """`addresses` are those of the last `ready` line; `said` has every line on standard error so far."""

    process: asyncio.subprocess.Process
    pid_file: Path
    addresses: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    readies: int = 0
    reports: list[dict[str, Any]] = field(default_factory=list)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def pid(self) -> int:
        """Of the supervisor, which an upgrade changes."""
        return int(self.pid_file.read_text()) if self.pid_file.exists() else self.process.pid

    @property
    def port(self) -> int:
        return int(self.addresses[0].rsplit(":", 1)[1])

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    async def until_said(self, text: str, *, times: int = 1) -> str:
        """The line with the text, once it has come so often."""
        try:
            async with asyncio.timeout(WAIT), self._news:
                while True:
                    found = [line for line in self.said if text in line]
                    if len(found) >= times:
                        return found[times - 1]
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"it did not say {text!r} {times} times: {self.said}") from None

    async def until_ready(self, times: int) -> None:
        async with asyncio.timeout(WAIT), self._news:
            await self._news.wait_for(lambda: self.readies >= times)

    async def report(self) -> dict[str, Any]:
        """What it says of itself when asked by SIGUSR1."""
        times = len(self.reports)
        self.signal(signal.SIGUSR1)
        async with asyncio.timeout(WAIT), self._news:
            await self._news.wait_for(lambda: len(self.reports) > times)
        return self.reports[times]

    async def workers(self) -> list[int]:
        return [worker["pid"] for worker in (await self.report())["workers"]]

    async def until_workers(self, number: int, *, without: int = 0) -> list[int]:
        """The workers, once there are so many that serve and a given one is not among them."""
        async with asyncio.timeout(WAIT):
            while True:
                report = await self.report()
                ready = [each["pid"] for each in report["workers"] if each["counters"] and each["pid"] != without]
                if len(ready) == number:
                    return ready
                await asyncio.sleep(0.05)

    async def ended(self) -> int:
        async with asyncio.timeout(WAIT):
            return await self.process.wait()

    async def read_stderr(self) -> None:
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            async with self._news:
                self.said.append(line.decode().rstrip("\n"))
                self._news.notify_all()

    async def read_stdout(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            async with self._news:
                if line.startswith(b"{"):
                    self.reports.append(json.loads(line))
                else:
                    word, *self.addresses = line.decode().split()
                    assert word == "ready"
                    self.readies += 1
                self._news.notify_all()


@asynccontextmanager
async def running_process(rules: Path, *arguments: str) -> AsyncIterator[EdgeProcess]:
    """A running edge that is ready. At the end all its processes are gone, those of upgrades included."""
    pid_file = rules.parent / "edge.pid"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edgeproxy", "run", str(rules), "--pid-file", str(pid_file), *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    edge = EdgeProcess(process, pid_file)
    readers = [asyncio.ensure_future(edge.read_stdout()), asyncio.ensure_future(edge.read_stderr())]
    try:
        try:
            await edge.until_ready(1)
        except TimeoutError:
            raise AssertionError(f"the edge did not start: {edge.said}") from None
        yield edge
    finally:
        for pid in {process.pid, edge.pid}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await process.wait()
        async with asyncio.timeout(WAIT):
            await asyncio.gather(*readers)  # their pipes are closed when the last worker has ended


def is_running(pid: int) -> bool:
    """Not one that has ended, and that nobody has asked for yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
