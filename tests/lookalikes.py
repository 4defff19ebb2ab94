"""Captures of known making, for tests of look-alikes: clients that install, browse and search, as `Making` says.

Nothing of this is the model's own: what a fit finds is compared with what was put in here.
"""

from __future__ import annotations

import json
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from random import Random

from edgeproxy.capture.record import Captured
from edgeproxy.capture.safety import SafetyClass

BEGUN = 1_523_887_200.0
ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
PAGE, METADATA, FILE = "simple-project", "metadata", "files"
_BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0"


@dataclass(frozen=True)
class Making:
    """Popularity: r^-head up to `turn`, then r^-tail. Arrivals: so many sessions a second while busy, and while quiet."""

    seconds: float = 600.0
    busy: float = 4.0
    quiet: float = 4.0
    busy_for: float = 10.0
    quiet_for: float = 10.0
    head: float = 0.66
    tail: float = 1.6
    turn: float = 60.0
    projects: int = 3_000
    networks: int = 60
    browsers: float = 0.2  # of sessions; the rest is pip
    packages: int = 4  # that an installation resolves, on average


def agent_of(dice: Random) -> str:
    python = dice.choice(("3.6.5", "3.11.7", "3.12.1"))
    about = {
        "ci": dice.choice((None, True)),
        "cpu": "x86_64",
        "implementation": {"name": "CPython", "version": python},
        "python": python,
        "system": {"name": "Linux", "release": dice.choice(("5.15.0", "6.1.0"))},
    }
    return f"pip/{dice.choice(('24.0', '9.0.3'))} {json.dumps(about, separators=(',', ':'))}"


class World:
    """Its traffic, from one seed."""

    def __init__(self, making: Making, seed: int) -> None:
        self.making = making
        self.dice = Random(seed)
        weights = (
            rank**-making.head
            if rank <= making.turn
            else making.turn ** (making.tail - making.head) * rank**-making.tail
            for rank in range(1, making.projects + 1)
        )
        self._table = list(accumulate(weights))
        self._sessions = 0

    def project(self) -> int:
        return min(bisect(self._table, self.dice.random() * self._table[-1]), len(self._table) - 1) + 1

    def records(self) -> list[Captured]:
        return sorted((each for at in self._starts() for each in self._session(at)), key=lambda each: each.time)

    def _starts(self) -> Iterator[float]:
        making, dice, now, is_busy = self.making, self.dice, 0.0, True
        while now < making.seconds:
            end = now + dice.expovariate(1 / (making.busy_for if is_busy else making.quiet_for))
            rate, at = (making.busy if is_busy else making.quiet), now
            while rate and (at := at + dice.expovariate(rate)) < min(end, making.seconds):
                yield at
            now, is_busy = end, not is_busy

    def _session(self, at: float) -> list[Captured]:
        self._sessions += 1
        network = f"10.{self.dice.randrange(self.making.networks)}.0.0"
        # One client's next session is another session here: the agent's comment stands for another machine behind the network.
        if self.dice.random() < self.making.browsers:
            return self._browses(at, network)
        return self._installs(at, network)

    def _installs(self, at: float, network: str) -> list[Captured]:
        dice, agent = self.dice, agent_of(self.dice)
        wanted = dict.fromkeys(self.project() for _ in range(1 + int(dice.expovariate(1 / (self.making.packages - 1)))))
        chosen = {project: 1 + min(int(dice.expovariate(1.5)), 4) for project in wanted}
        asked: list[Captured] = []
        pages = {"user-agent": agent, "accept-encoding": "gzip, deflate", "accept": ACCEPT}
        files = {"user-agent": agent, "accept-encoding": "identity", "accept": "*/*"}
        for project in wanted:
            at += 0.02 + dice.expovariate(20)
            asked.append(self._page(at, network, pages, project))
            at += 0.01 + dice.expovariate(40)
            asked.append(self._file(at, network, files, project, chosen[project], ".metadata"))
        for project in wanted:
            at += 0.05 + dice.expovariate(10)
            asked.append(self._file(at, network, files, project, chosen[project], ""))
        return asked

    def _browses(self, at: float, network: str) -> list[Captured]:
        agent = _BROWSER.format(self.dice.choice((59, 60)))
        headers = {"user-agent": agent, "accept": "text/html", "accept-language": self.dice.choice(("en", "de"))}
        asked = [self._record(at, network, headers, "http://pypi.test/", "/", "home", 9_000)]
        for _ in range(1 + int(self.dice.expovariate(0.5))):
            at += 1 + self.dice.expovariate(0.2)
            project = self.project()
            url = f"http://pypi.test/project/p{project}/"
            asked.append(self._record(at, network, headers, url, "/project/{project}/", "page", 20_000))
        return asked

    def _page(self, at: float, network: str, headers: dict[str, str], project: int) -> Captured:
        is_conditional = self.dice.random() < 0.25
        more = {"if-none-match": f'"{project:032x}"'} if is_conditional else {}
        url = f"http://pypi.test/simple/p{project}/"
        status = 304 if is_conditional else 200
        return self._record(at, network, headers | more, url, "/simple/{project}/", PAGE, 4_000 + project, status)

    def _file(self, at: float, network: str, headers: dict[str, str], project: int, file: int, beside: str) -> Captured:
        number = f"{project:032x}{file:032x}"
        path = f"/packages/{number[:2]}/{number[2:4]}/{number[4:]}/p{project}-{file}.0-py3-none-any.whl{beside}"
        shape = f"/packages/{{a:[0-9a-f]{{2}}}}/{{b:[0-9a-f]{{2}}}}/{{rest:[0-9a-f]{{60}}}}/{{file}}{beside}"
        url = f"http://files.pypihosted.test{path}"
        return self._record(at, network, headers, url, shape, METADATA if beside else FILE, 50_000 + 13 * project)

    def _record(
        self,
        at: float,
        network: str,
        headers: dict[str, str],
        url: str,
        shape: str,
        rule: str,
        octets: int,
        status: int = 200,
    ) -> Captured:
        return Captured(
            time=BEGUN + at,
            method="GET",
            url=url,
            headers=headers,
            connection=f"{network} {self._sessions} {url.partition('://')[2].partition('/')[0]}",
            client=network,
            safety=SafetyClass.SAFE,
            rule=rule,
            shape=shape,
            status=status,
            octets=octets,
        )


def captured(making: Making, seed: int = 1) -> list[Captured]:
    return World(making, seed).records()
