"""pip and uv install all the time, through a ramp, a new side that fails and is rolled back, and a ramp that ends well.

Both bundled sites are over one store, and shadows ask the new one for each page that the old one answers. Each client
has a place of its own, and goes over when the share has reached it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from bundled_sites import Sites, bundled_sites
from cutover_edge import cutover, own
from edge_process import EdgeProcess, running_process
from installing import LONG, Installer, LookAlikes, client_key_of, install_all_the_time, number_at
from system import System

from edgeproxy.control.control_client import ask

pytestmark = [pytest.mark.clients, pytest.mark.slow]

RULES = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts:
  app:     {names: [pypi.test]}
  content: {names: [files.pypihosted.test], kind: content}
backends:
  legacy: {url: "http://127.0.0.1:8081", host: legacy.pypi.test}
  modern: {url: "http://127.0.0.1:8082", host: pypi.test}
  store:  {directory: ./files}
cutovers:
  reads:
    from: legacy
    to: modern
    steps: [1, 5, 10, 20, 50, 100]
    hold: 500ms
    sticky: [header:Authorization, client]
    gates: {errors: {worse_by: 15%}}
rules:
  - name: files
    match: {host: content, path: "/packages/{rest*}", methods: [GET, HEAD]}
    forward: {backend: store}
  - name: simple
    match: {host: app, path: "/simple/{project}/", methods: [GET, HEAD]}
    forward: {cutover: reads}
    query: drop
    fallback: {to: legacy, on: [connect, timeout, reset, 5xx]}
    shadow: {to: modern, percent: 100, compare: simple_index}
    cache: {fresh: 1s, negative: 0s, stale_while_revalidate: 0s, stale_if_error: 0s, accept: [json, html]}
  - name: json                                          # of the look-alikes: not kept, so that each request counts
    match: {host: app, path: "/pypi/{project}/json", methods: [GET, HEAD]}
    forward: {cutover: reads}
    query: drop
    fallback: {to: legacy, on: [connect, timeout, reset, 5xx]}
  - name: old-files                                     # which pages of the old side link to
    match: {host: app, path: "/packages/{rest*}", methods: [GET, HEAD]}
    forward: {backend: legacy}
"""
SHARES = (1_000, 5_000, 10_000, 20_000, 50_000, 100_000)
RAMP = [("start", 0), *(("gates_passed", share) for share in SHARES)]
AT_20 = RAMP[:5]
FIRST, THIRD, LAST = range(1_000), range(5_000, 10_000), range(50_000, 100_000)  # places, by the step that moves them
OLD, NEW = "legacy", "modern"
WELL = (200, 206)  # uv reads what a wheel says of itself by ranges, where it has no page of that
FAULTS = ("simple error share=50%", "json error share=50%")
PACKAGES = ("six", "idna", "jinja2")

Exchange = dict[str, Any]  # a line of the access log
Entry = dict[str, Any]  # of the journal


@dataclass
class Site:
    """The edge, whoever uses it, and what is behind it."""

    place: Path
    edge: EdgeProcess
    installers: Sequence[Installer]
    look_alikes: LookAlikes
    sites: Sites

    async def until_all_have_installed(self) -> None:
        """Something that they began after this."""
        async with asyncio.TaskGroup() as tasks:
            for each in self.installers:
                tasks.create_task(each.until_one_more())

    async def until(self, is_so: Callable[[dict[str, Any]], bool]) -> list[Entry]:
        """The journal, once it is so of the cutover."""
        words = {"do": "cutover", "verb": "status", "cutover": "reads"}
        async with asyncio.timeout(LONG):
            while True:
                (told,) = await asyncio.to_thread(lambda: list(ask(self.place / "control", [words])))
                if is_so(told["cutovers"][0]):
                    return list(told["journal"])
                await asyncio.sleep(0.05)

    async def do(self, verb: str) -> None:
        code, said = await cutover(self.place, verb, "reads")
        assert code == 0, said

    async def ramp_to(self, last: int, *, is_slow: bool = False) -> None:
        """`is_slow`: everybody installs on each step before anything is known of it."""
        await self.do("start")
        for share in SHARES:
            await self.until(lambda state, share=share: state["share"] == share)
            if is_slow:
                await self.until_all_have_installed()
            if share == last:
                return
            with self.look_alikes.asking():
                await self.until(lambda state, share=share: state["share"] > share)

    async def finish(self) -> None:
        await self.until(lambda state: state["phase"] == "holding")
        await self.until_all_have_installed()
        await self.do("finish")


def exchanges(place: Path) -> list[Exchange]:
    """Those of both workers, in the order in which they began."""
    found = map(json.loads, (place / "access.log").read_text().splitlines())
    return sorted(found, key=lambda each: float(each["time"]))


async def until_logged(place: Path, is_so: Callable[[Exchange], bool]) -> Exchange:
    """The access log is written about once a second."""
    async with asyncio.timeout(LONG):
        while True:
            if found := next(filter(is_so, exchanges(place)), None):
                return found
            await asyncio.sleep(0.05)


@asynccontextmanager
async def running_site(seeded: Path, place: Path) -> AsyncIterator[Site]:
    (place / "rules.yaml").write_text(RULES)
    with bundled_sites(seeded, place) as sites:
        log = ("--access-log", str(place / "access.log"))
        async with running_process(place / "rules.yaml", *own(place), *log, *sites.options) as edge:
            installers = await installers_of(System("", edge.addresses[0], place / "access.log"), place)
            yield Site(place, edge, installers, look_alikes_of_both_arms(), sites)


async def installers_of(system: System, place: Path) -> list[Installer]:
    """Two of pip that differ by what a user may add to its user agent, and one of uv that has a token."""
    environment = system.environment(place)
    learning = pip("learning", "learning", environment, place)
    await learning.install()
    said = (await until_logged(place, lambda each: "learning" in each["user_agent"]))["user_agent"]
    found = []
    for name, places in (("first", FIRST), ("last", LAST)):
        number = number_at(places, "reads", lambda n, name=name: client_key_of(said.replace("learning", f"{name}-{n}")))
        found.append(pip(name, f"{name}-{number}", environment, place))
    token = number_at(THIRD, "reads", lambda n: f"authorization:Basic {b64encode(f'user:{n}'.encode()).decode()}")
    uv = [str(Path(sys.executable).parent / "uv"), "pip", "install", "--no-cache", "--python", sys.executable]
    uv += ["--target", "{target}", "--index-url", f"http://user:{token}@pypi.test/simple/"]
    return [*found, Installer("uv", uv, environment, place, PACKAGES)]


def pip(name: str, user_data: str, environment: Mapping[str, str], place: Path) -> Installer:
    command = [sys.executable, "-m", "pip", "install", "--no-cache-dir", "--no-compile", "--target", "{target}"]
    its = {**environment, "PIP_USER_AGENT_USER_DATA": user_data}
    return Installer(name, [*command, "--index-url", "http://pypi.test/simple/"], its, place, PACKAGES)


def look_alikes_of_both_arms() -> LookAlikes:
    """As many of the first to go as of the last, so that both arms are asked enough at every step."""
    agents = []
    for each, places in enumerate((FIRST, LAST) * 3):
        number = number_at(places, "reads", lambda n, each=each: client_key_of(f"look-alike {each}.{n}"))
        agents.append(f"look-alike {each}.{number}")
    return LookAlikes("/pypi/six/json", agents)


@pytest.mark.timeout(1_200)
async def test_nobody_who_installs_notices_a_ramp_a_gate_that_fails_and_a_rollback(
    seeded: Path, tmp_path: Path
) -> None:
    async with running_site(seeded, tmp_path) as site:
        is_over = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for user in (site.installers[:1], site.installers[1:]):
                tasks.create_task(install_all_the_time(user, is_over))
            look_alikes = tasks.create_task(site.look_alikes.ask_all_the_time(site.edge.port))
            journal = await the_story(site)
            is_over.set()
            look_alikes.cancel()
        counters = (await site.edge.report())["counters"]
    what_was_done = [(each["what"], each["share"]) for each in journal if each["what"] != "hold_is_over"]
    end = ("finish", 100_000)
    assert what_was_done == [*RAMP, end, ("rollback", 0), *AT_20, ("gate_failed", 0), *RAMP, end]
    the_journal_has_its_evidence(journal)
    said = exchanges(tmp_path)
    nobody_got_an_error(said, counters)
    everybody_went_over_and_back_once(said)


async def the_story(site: Site) -> list[Entry]:
    """The journal at its end."""
    await site.until_all_have_installed()
    await site.ramp_to(100_000, is_slow=True)
    await site.finish()
    await site.do("rollback")
    await site.until_all_have_installed()
    await site.ramp_to(20_000)
    site.sites.plant(*FAULTS)
    await until_logged(site.place, lambda each: each["fallback"] == "status" and "first" in each["user_agent"])
    with site.look_alikes.asking():
        await site.until(lambda state: state["phase"] == "rolled_back")
    await site.until_all_have_installed()
    site.sites.clear()
    await site.ramp_to(100_000)
    await site.finish()
    return await site.until(lambda state: state["phase"] == "done")


def the_journal_has_its_evidence(journal: Sequence[Entry]) -> None:
    """Of a step from 0 % there is none: nobody was on the new arm."""
    for each in journal:
        match each["what"]:
            case "gates_passed" if each["from_share"]:
                (errors,) = each["evidence"]
                assert (errors["gate"], errors["verdict"], errors["new"]["events"]) == ("errors", "pass", 0), each
                assert min(errors["new"]["exchanges"], errors["old"]["exchanges"]) > 100, each
            case "gate_failed":
                (errors,) = each["evidence"]
                assert (errors["gate"], errors["verdict"], errors["old"]["events"]) == ("errors", "fail", 0), each
                assert errors["estimate"] > errors["bound"], each
                assert each["from_share"] == 20_000, each


def nobody_got_an_error(said: Sequence[Exchange], counters: Mapping[str, Any]) -> None:
    """Nor had to ask again: their retries are off, and there is no answer for which one would."""
    assert [each for each in said if each["status"] not in WELL or not each["whole"]] == []
    assert counters["statuses"].keys() <= set(map(str, WELL))
    assert (counters["aborted"], counters["unexpected"], counters["backend_failures"]) == (0, 0, {})
    assert counters["fallbacks"].keys() <= {"simple/status", "json/status"}
    assert counters["shadows"]["simple"] > 0
    fallen = [each for each in said if each["fallback"]]
    assert {(each["arm"], each["backend"]) for each in fallen} == {(NEW, OLD)}
    assert any("pip/" in each["user_agent"] for each in fallen)


def everybody_went_over_and_back_once(said: Sequence[Exchange]) -> None:
    """In each ramp, and as soon as its share has reached them: so nobody flips back on any step."""
    once, again = [OLD, NEW], [OLD, NEW] * 2
    assert arms_of("first", said) == arms_of("uv/", said) == again + once
    assert arms_of("last", said) == again


def arms_of(client: str, said: Sequence[Exchange]) -> list[str]:
    """Those that it was on, one after the other. Both have answered it: not only what is kept, nor what stood in."""
    its = [each for each in said if client in each["user_agent"] and each["rule"] == "simple"]
    answered = {
        each["arm"] for each in its if each["backend"] == each["arm"] and each["cache"] in ("miss", "revalidated")
    }
    assert answered == {OLD, NEW}, client
    return [arm for arm, _ in groupby(each["arm"] for each in its)]
