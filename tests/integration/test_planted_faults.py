"""What a new side does wrong, as shadows find it while nobody has been moved, and what gates make of it.

Both sides are the bundled ones, with faults on demand in the new one. The old one has pages in HTML alone, with other
hashes; its serials are others, and so are its clocks: none of that is a difference, or the rules say that it is known.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from bundled_sites import Sites, bundled_sites
from cache_load import Client
from cutover_edge import cutover, own, status
from edge_process import WAIT, running_process
from installing import client_key_of, number_at
from shadow_verb import shadow

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(600)]

KEEPS_UP = 0.05  # so much thinking that the new side can answer all shadows: else a gate would rightly not pass
LONG = 4 * WAIT  # gates need hundreds of answers, also where there is much else to do

RULES = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
backends:
  legacy: {url: "http://127.0.0.1:8081", host: legacy.pypi.test}
  modern: {url: "http://127.0.0.1:8082", host: pypi.test, timeouts: {head: 2s}}
  store:  {directory: ./files}
cutovers:
  reads: {from: legacy, to: modern, steps: [50, 100], hold: 200ms, GATES}
rules:
  - name: simple
    match: {host: app, path: "/simple/{project}/", methods: [GET]}
    forward: {cutover: reads}
    shadow:                          # pages of the old side had md5, no metadata and one form, and files on its host
      {to: modern, percent: 100, compare: simple_index,
       ignore: [header:Vary, header:Surrogate-Control, "index:/hash-algorithms", "index:/hosts",
         "index:/files/*/core-metadata"]}
  - name: json
    match: {host: app, path: "/pypi/{project}/json", methods: [GET]}
    forward: {cutover: reads}
    shadow:                          # what the new side says of a file's content has to be what the old one said
      to: modern
      percent: 100
      compare: json
      ignore: [header:Cache-Control, header:Surrogate-Control, header:Content-Disposition, json:/info,
        json:/releases, json:/ownership, json:/vulnerabilities, json:/urls/*/core-metadata, json:/urls/*/requires_python,
        json:/urls/*/yanked, json:/urls/*/yanked_reason, json:/urls/*/upload_time_iso_8601, json:/urls/*/downloads,
        json:/urls/*/url, json:/urls/*/path, json:/urls/*/sha256_digest, json:/urls/*/comment_text,
        json:/urls/*/digests/blake2b_256]
  - {name: store, match: {host: app, path: "/files/{rest*}"}, forward: {backend: store}}
"""
# Of pip: who is moved at 50 %, and who is not.
AGENTS = tuple(
    f"pip/26.{number_at(places, 'reads', lambda n: client_key_of(f'pip/26.{n}'))}"
    for places in (range(50_000), range(50_000, 100_000))
)
FORMS = ("Accept: text/html", "Accept: application/vnd.pypi.simple.v1+json")
PROJECTS = ("attrs", "idna", "jinja2", "multidict", "packaging", "six", "wheel", "yarl")
PAGES = [f"/simple/{project}/" for project in PROJECTS]
DOCUMENTS = [f"/pypi/{project}/json" for project in ("idna", "six", "attrs", "packaging")]

# What is planted, as which kind of difference under which pattern it is found, and what the report says of it.
Found = tuple[str, str, str]  # rule, kind, pattern
FAULTS: dict[str, tuple[Found, str]] = {
    "simple/six missing": (("simple", "status changed", "status/200/404"), "status 404 instead of 200"),
    "simple/packaging without=requires-python kept": (
        ("simple", "missing", "index:/files/*/requires-python"),
        "a file's requires-python is missing",
    ),
    "simple/attrs hang": (("simple", "no answer", "answer:new/timeout"), "the new side gives no answer: not in time"),
    "simple/wheel reset": (("simple", "no answer", "answer:new/broken"), "the new side gives no answer: it breaks off"),
    "simple/yarl error=503": (("simple", "status changed", "status/200/503"), "status 503 instead of 200"),
    "json/idna wrong-hash kept": (
        ("json", "changed", "json:/urls/*/digests/sha256"),
        "urls/*/digests/sha256 is another",
    ),
}
BESIDE = {("json", "changed", f"json:/urls/*/{name}") for name in ("md5_digest", "digests/md5")}  # a hash has two names


@dataclass
class Bed:
    """A running edge, and the sites behind it."""

    place: Path
    port: int
    sites: Sites

    @asynccontextmanager
    async def load(self, paths: Sequence[str], clients: int = 4, thinking: float = 0.0) -> AsyncIterator[None]:
        """Clients that ask for all of these, again and again, each after so many seconds of thinking."""
        is_over = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for number in range(clients):
                fields = f"User-Agent: {AGENTS[number % 2]}", FORMS[number // 2 % 2]
                tasks.create_task(self._ask([*paths[number:], *paths[:number]], fields, thinking, is_over))
            yield
            is_over.set()

    async def _ask(self, paths: Iterable[str], fields: Sequence[str], thinking: float, is_over: asyncio.Event) -> None:
        left = cycle(paths)
        while not is_over.is_set():
            with closing(await Client.connect(self.port)) as client:
                answer = None
                while not is_over.is_set() and (answer is None or not answer.is_last):
                    path = next(left)
                    answer = await client.get(path, *fields)
                    assert answer.status == 200, (path, answer)
                    await asyncio.sleep(thinking)

    async def until(self, what: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The entry of the journal that says that this has happened, and the cutover as it is then."""
        async with asyncio.timeout(LONG):
            while True:
                told = await status(self.place)
                for entry in told["journal"]:
                    if entry["what"] == what:
                        return entry, told["cutovers"][0]
                await asyncio.sleep(0.1)

    async def report(self) -> dict[str, Any]:
        _, text = await self.shadow("report", "--format", "json")
        found: dict[str, Any] = json.loads(text)
        return found

    async def shadow(self, *words: str) -> tuple[int, str]:
        return await shadow(self.place, *words)


@asynccontextmanager
async def running(seeded: Path, place: Path, gates: str, *, more: str = "") -> AsyncIterator[Bed]:
    rules = place / "rules.yaml"
    rules.write_text(RULES.replace("GATES", f"gates: {{{gates}}}{more}"))
    with bundled_sites(seeded, place, has_own_serials=True) as sites:
        async with running_process(rules, *own(place), *sites.options) as edge:
            yield Bed(place, edge.port, sites)


def found_in(report: dict[str, Any]) -> set[Found]:
    return {
        (group["rule"], each["kind"], each["pattern"]) for group in report["groups"] for each in group["differences"]
    }


def examples_of(report: dict[str, Any], found: Found) -> set[str]:
    """The targets of its examples."""
    return {
        example["target"]
        for group in report["groups"]
        for each in group["differences"]
        if (group["rule"], each["kind"], each["pattern"]) == found
        for example in each["examples"]
    }


async def test_another_form_of_pages_other_serials_and_other_clocks_are_no_differences(
    seeded: Path, tmp_path: Path
) -> None:
    async with running(seeded, tmp_path, "differences: {at_most: 5%}") as bed:
        bed.sites.plant("simple/six slow=1100ms")  # so late that its Date is another
        async with bed.load([*PAGES, *DOCUMENTS], thinking=KEEPS_UP):
            await cutover(tmp_path, "start", "reads")
            entry, _ = await bed.until("gates_passed")
        (differences,) = entry["evidence"]
        assert (differences["gate"], differences["verdict"], entry["share"]) == ("differences", "pass", 50_000)
        assert (differences["new"]["events"], differences["new"]["exchanges"] > 100) == (0, True)
        code, text = await bed.shadow("report")
        report = await bed.report()
    assert code == 0
    assert ": nothing differs" in text
    assert found_in(report) == set()
    assert {(group["rule"], group["shape"], group["family"]) for group in report["groups"]} == {
        ("simple", "/simple/{project}/", "pip"),
        ("json", "/pypi/{project}/json", "pip"),
    }


async def test_each_fault_that_is_planted_is_named_and_its_gate_calls_the_cutover_off(
    seeded: Path, tmp_path: Path
) -> None:
    async with running(seeded, tmp_path, "differences: {at_most: 5%}") as bed:
        bed.sites.plant(*FAULTS)
        async with bed.load([*PAGES, *DOCUMENTS]):
            await cutover(tmp_path, "start", "reads")
            entry, state = await bed.until("gate_failed")
            async with asyncio.timeout(LONG):
                while not found_in(await bed.report()) >= {found for found, _ in FAULTS.values()}:
                    await asyncio.sleep(0.2)
        (differences,) = entry["evidence"]
        assert (differences["gate"], differences["verdict"], state["phase"]) == ("differences", "fail", "rolled_back")
        assert entry["why"].startswith("differences: FAIL: different")
        code, text = await bed.shadow("report")
        report = await bed.report()
    assert code == 1
    assert found_in(report) == {found for found, _ in FAULTS.values()} | BESIDE
    for fault, (found, said) in FAULTS.items():
        _, _, project = fault.split(" ")[0].partition("/")
        assert {target.strip("/").split("/")[1] for target in examples_of(report, found)} == {project}, fault
        assert any(line.endswith(f"pip: {said}") for line in text.splitlines()), text


async def test_one_answer_of_a_hundred_that_fails_is_enough_for_a_gate_that_holds(seeded: Path, tmp_path: Path) -> None:
    async with running(seeded, tmp_path, "differences: {at_most: 0.1%}", more=", on_fail: hold") as bed:
        bed.sites.plant("simple error share=1%")
        async with bed.load(PAGES):
            await cutover(tmp_path, "start", "reads")
            entry, state = await bed.until("gate_failed")
        report = await bed.report()
    assert (state["phase"], state["share"], state["is_paused"]) == ("shadowing", 0, True)
    assert [each["gate"] for each in entry["evidence"]] == ["differences"]
    assert found_in(report) == {("simple", "status changed", "status/200/500")}
    (group,) = report["groups"]
    assert 0.002 < group["different"] / group["compared"] < 0.05


async def test_a_slow_new_side_is_no_difference_and_fails_the_gate_of_latency(seeded: Path, tmp_path: Path) -> None:
    gates = "differences: {at_most: 50%}, latency: {p95_ratio: 3}"
    async with running(seeded, tmp_path, gates) as bed:
        bed.sites.plant("simple slow=300ms")
        await cutover(tmp_path, "start", "reads")
        await cutover(tmp_path, "set", "reads", "50")
        async with bed.load(PAGES, clients=8):
            entry, state = await bed.until("gate_failed")
        report = await bed.report()
    assert (state["phase"], state["share"]) == ("rolled_back", 0)
    assert {each["gate"]: each["verdict"] for each in entry["evidence"]}["latency"] == "fail"
    assert found_in(report) == set()
