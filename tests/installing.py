"""Real clients that install again and again, and the look-alikes beside them who give gates enough to judge.

Programs that install retry by themselves what fails for once. Here they are told not to, so that each answer counts.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path

from cache_load import Client
from edge_process import WAIT

from edgeproxy.migration.place import place_of, sticky_key
from edgeproxy.ruleset.arms import ClientKey

NO_RETRIES = {"PIP_RETRIES": "0", "PIP_ROOT_USER_ACTION": "ignore", "UV_HTTP_RETRIES": "0"}
LONG = 4 * WAIT  # for several installations, which take turns
_BETWEEN = 0.02  # seconds, of a look-alike's requests
_COMPLAINTS = ("warning", "error", "retry")


class Installer:
    """One program of one user. `command` has `{target}` where the folder belongs, and ends before the packages."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], place: Path, packages: Sequence[str]
    ) -> None:
        self.name = name
        self.installs = 0
        self._begun = 0
        self._command = command
        self._environment = dict(environment) | NO_RETRIES
        self._place = place / name
        self._packages: Iterator[str] = cycle(packages)
        self._news = asyncio.Condition()
        self._place.mkdir()

    async def install(self) -> None:
        """The next package, into an empty folder."""
        package = next(self._packages)
        self._begun += 1
        target = self._place / "target"
        process = await asyncio.create_subprocess_exec(
            *(word.format(target=target) for word in self._command),
            package,
            env=self._environment,
            cwd=self._place,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            out, _ = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        said = out.decode()
        assert process.returncode == 0, f"{self.name}, {package}: {said}"
        assert not any(word in said.lower() for word in _COMPLAINTS), f"{self.name}, {package}: {said}"
        assert any(target.glob("*.dist-info")), f"{self.name}, {package}: {said}"
        shutil.rmtree(target)
        async with self._news:
            self.installs += 1
            self._news.notify_all()

    async def until_one_more(self) -> None:
        """That began after this was asked."""
        wanted = self._begun + 1
        async with asyncio.timeout(LONG), self._news:
            await self._news.wait_for(lambda: self.installs >= wanted)


async def install_all_the_time(user: Sequence[Installer], is_over: asyncio.Event) -> None:
    """One after the other, by each of these in turn."""
    for each in cycle(user):
        if is_over.is_set():
            return
        await each.install()


def number_at(places: range, cutover: str, key: Callable[[int], str]) -> int:
    """The first whose key has one of these places."""
    return next(number for number in count() if place_of(key(number), cutover) in places)


def client_key_of(agent: str) -> str:
    """Of a client on this machine."""
    return sticky_key([ClientKey()], {"user-agent": agent}, "127.0.0.1")


@dataclass
class LookAlikes:
    """Clients who ask for what installers do not, each on a connection of its own, inside of `asking`: so often that
    gates soon have enough, and not so often that installers have no time left.
    """

    path: str
    agents: Sequence[str]
    _may_ask: asyncio.Event = field(default_factory=asyncio.Event)

    @contextmanager
    def asking(self) -> Iterator[None]:
        self._may_ask.set()
        try:
            yield
        finally:
            self._may_ask.clear()

    async def ask_all_the_time(self, port: int) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as tasks:
            for agent in self.agents:
                tasks.create_task(self._ask(port, agent))

    async def _ask(self, port: int, agent: str) -> None:
        """On a new connection each time, since the edge ends those on which nothing is asked for long."""
        while True:
            await self._may_ask.wait()
            with closing(await Client.connect(port)) as client:
                while self._may_ask.is_set():
                    answer = await client.get(self.path, f"User-Agent: {agent}")
                    assert answer.status == 200, answer
                    await asyncio.sleep(_BETWEEN)
