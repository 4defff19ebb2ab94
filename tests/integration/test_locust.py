"""Locust's own master and workers against the new site behind the edge: every arrival once, no failure, nothing hidden."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from indexed import RULES
from locust_program import LOCUSTFILE, Node, swarm
from packages import LAUNCH, sdist, stored, wheel

from backends.store import Store
from edgeproxy.capture.record import Captured
from edgeproxy.capture.safety import SafetyClass
from edgeproxy.cli.demo_processes import Processes
from replay.capture.writing import write_records

# The first one installs Locust.
pytestmark = [pytest.mark.alone, pytest.mark.clients, pytest.mark.slow, pytest.mark.timeout(300)]

NOT_REQUESTS = ("LATE", "FROM DUE", "PURGE")


@dataclass(frozen=True)
class Behind:
    """An edge before the new site."""

    edge: str
    control: Path
    log: Path
    files: Path

    def exchanges(self) -> int:
        return len(self.log.read_text().splitlines())


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    place = tmp_path_factory.mktemp("loaded")
    with Store(place / "store") as store:
        stored(store, wheel("top", "1.0", {"Requires-Dist": ["middle", "nowhere", "never; extra == 'x'"]}), LAUNCH)
        stored(store, wheel("top", "2.0", {"Requires-Dist": ["middle>1", "bottom"]}), LAUNCH)
        stored(store, wheel("Middle", "1.5", {"Requires-Dist": ["bottom"]}), LAUNCH)
        stored(store, sdist("bottom", "0.1"), LAUNCH)
    (place / "rules.yaml").write_text(RULES)
    with Processes() as processes:
        at = ("--store", place / "store", "--listen", "127.0.0.1:0")
        modern = processes.start("modern", "backends.modern", *at, "--files-url", "http://files.pypihosted.test")
        legacy = processes.start("legacy", "backends.legacy", *at)
        edge = processes.start(
            *("edge", "edgeproxy", "run", place / "rules.yaml", "--listen", "127.0.0.1:0", "--workers", "1"),
            *("--access-log", place / "log", "--control", place / "control"),
            *("--backend", f"modern={modern}", "--backend", f"legacy={legacy}"),
            *("--backend", f"store={place / 'store' / 'files'}"),
        )
        yield Behind(edge, place / "control", place / "log", place / "store" / "files")


def taken(node: Node) -> int:
    """By a worker, as it says itself."""
    said = next(line for line in node.said if line.startswith("this worker took"))
    return int(re.sub("[^0-9]", "", said))


def requests(counts: Mapping[tuple[str, str], dict[str, Any]]) -> int:
    return sum(each["num_requests"] for (method, _), each in counts.items() if method not in NOT_REQUESTS)


def failures(counts: Mapping[tuple[str, str], dict[str, Any]]) -> int:
    return sum(each["num_failures"] for each in counts.values())


async def test_two_workers_take_a_fixed_rate_of_clients_between_them(behind: Behind, tmp_path: Path) -> None:
    async with swarm(behind.edge, tmp_path) as swarming:
        master = await swarming.master(2, "--arrivals", "20", "--for", "5s", "PipUser", "UvUser", "BrowserUser")
        workers = [await swarming.worker(), await swarming.worker()]
        assert await master.ended() == 0, master.said
        assert [await worker.ended() for worker in workers] == [0, 0]
    counts = swarming.counts()
    assert [taken(worker) for worker in workers] == [50, 50]
    assert counts["LATE", "arrivals"]["num_requests"] == 100
    assert failures(counts) == 0
    assert requests(counts) >= 100
    clients = {name.partition(":")[0] for method, name in counts if method not in NOT_REQUESTS}
    assert clients == {"pip", "uv", "browser"}
    for client in ("pip", "uv"):
        whole = [counts["GET", f"{client}: {what}"]["num_requests"] for what in ("page", "file")]
        assert whole[0] >= whole[1] > 0, "a file is one that a page has named"


@pytest.mark.timeout(300)
async def test_a_worker_that_comes_gets_its_share_and_one_that_dies_is_told(behind: Behind, tmp_path: Path) -> None:
    may_come = tmp_path / "may-come"
    gate = tmp_path / "gate.py"  # behind which a worker has all that takes long at its start behind it
    gate.write_text(
        f"import time\nfrom pathlib import Path\nwhile not Path({str(may_come)!r}).exists():\n    time.sleep(0.02)\n"
    )
    async with swarm(behind.edge, tmp_path) as swarming:
        master = await swarming.master(1, "--arrivals", "20", "--for", "30s")
        first = await swarming.worker()
        second, third = [await swarming.worker("-f", f"{LOCUSTFILE},{gate}") for _ in range(2)]
        await master.until_said("All users spawned")
        may_come.touch()
        await master.until_said("3 workers connected")
        await second.until_said("now 3 workers take arrivals")
        third.process.send_signal(signal.SIGKILL)
        await second.until_said("now 2 workers take arrivals")
        assert await master.ended() == 1, "that a worker was lost is a failure of the run"
        await first.ended()
        await second.ended()
    late = swarming.counts()["LATE", "arrivals"]["num_requests"]
    said = await master.until_said("600 arrivals were due")
    assert f"and {late:,} taken" in said
    assert await master.until_said(f"of {600 - late:,} arrivals no worker has told; 1 workers were lost")
    assert taken(second) > 0
    assert late >= taken(first) + taken(second)


@pytest.mark.timeout(300)
async def test_a_worker_that_is_taken_for_lost_and_comes_back_is_told(behind: Behind, tmp_path: Path) -> None:
    """It takes what the others took for it: more than were due, and no report may be silent of that."""
    async with swarm(behind.edge, tmp_path) as swarming:
        master = await swarming.master(2, "--arrivals", "10", "--for", "30s")
        first, second = [await swarming.worker() for _ in range(2)]
        await second.until_said("now 2 workers take arrivals")
        second.process.send_signal(signal.SIGSTOP)
        await first.until_said("now 1 workers take arrivals")
        second.process.send_signal(signal.SIGCONT)
        assert await master.ended() == 1, "that arrivals were taken twice is a failure of the run"
        await first.ended()
        await second.ended()
    await master.until_said("1 workers were taken for lost and came back")
    late = swarming.counts()["LATE", "arrivals"]["num_requests"]
    assert taken(first) + taken(second) >= late
    if late > 300:
        await master.until_said(f"{late - 300:,} arrivals were taken twice")


async def test_a_worker_that_is_told_to_begin_before_it_is_ready_begins_then(behind: Behind, tmp_path: Path) -> None:
    slow = tmp_path / "slow.py"
    slow.write_text(
        "import gevent\n"
        "from locust import events\n"
        "@events.init.add_listener\n"
        "def before_all_others(**_):\n"
        "    gevent.sleep(2)  # the master says meanwhile what is to be done\n"
    )
    async with swarm(behind.edge, tmp_path) as swarming:
        master = await swarming.master(2, "--arrivals", "20", "--for", "2s")
        workers = [await swarming.worker(), await swarming.worker("-f", f"{LOCUSTFILE},{slow}")]
        assert await master.ended() == 0, master.said
        assert [await worker.ended() for worker in workers] == [0, 0], [worker.said for worker in workers]
    assert [taken(worker) for worker in workers] == [20, 20]
    assert not [line for worker in workers for line in worker.said if "Error" in line]


async def test_what_was_recorded_and_is_safe_is_sent_once_and_the_rest_is_refused(
    behind: Behind, tmp_path: Path
) -> None:
    records = [
        Captured(
            time=1_000.0 + number / 100,
            method="DELETE" if number % 10 == 9 else "GET",
            url=f"http://pypi.test/simple/top/?number={number}",
            headers={"user-agent": "pip/26.3", "accept": "text/html"},
            connection=f"lane-{number % 7}",
            safety=SafetyClass.UNSAFE if number % 10 == 9 else SafetyClass.SAFE,
            rule="simple",
            shape="/simple/{project}/",
        )
        for number in range(100)
    ]
    with (tmp_path / "small.capture").open("wb") as file:
        write_records(file, records)
    before = behind.exchanges()
    async with swarm(behind.edge, tmp_path, "--capture", str(tmp_path / "small.capture")) as swarming:
        master = await swarming.master(2, "--rate", "60", "--loops", "2")
        workers = [await swarming.worker(), await swarming.worker()]
        assert await master.ended() == 0, master.said
        for worker in workers:
            await worker.ended()
    counts = swarming.counts()
    assert await master.until_said("100 recorded requests, 90 of them to be sent")
    assert await master.until_said("refused, unsafe: 10")
    assert counts["GET", "simple: /simple/{project}/"]["num_requests"] == 180
    assert counts["FROM DUE", "played"]["num_requests"] == counts["LATE", "played"]["num_requests"] == 180
    assert sum(map(taken, workers)) == 180
    assert failures(counts) == 0
    assert before <= behind.exchanges()


@pytest.fixture
def look_alike(behind: Behind, tmp_path: Path) -> Path:
    """A model of some traffic, and names for it: model.yaml, names.json."""
    records = [
        Captured(
            time=1_000.0 + number / 10,
            method="GET",
            url=f"http://pypi.test/simple/{('top', 'middle', 'bottom')[number % 3]}/",
            headers={"user-agent": "pip/26.3", "accept": "text/html"},
            connection=f"lane-{number // 3}",
            client=f"10.0.{number // 3}.0",
            safety=SafetyClass.SAFE,
            rule="simple",
            shape="/simple/{project}/",
            status=200,
        )
        for number in range(300)
    ]
    with (tmp_path / "seen.capture").open("wb") as file:
        write_records(file, records)
    verbs = (sys.executable, "-m", "edgeproxy", "model")
    fit = (*verbs, "fit", "seen.capture", "--to", "model.yaml")
    names = (*verbs, "names", "http://pypi.test/simple/", "--at", behind.edge, "--to", "names.json")
    for command in (fit, names):
        subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    return tmp_path


async def test_traffic_drawn_from_a_model_is_the_same_on_every_worker(behind: Behind, look_alike: Path) -> None:
    async with swarm(behind.edge, look_alike, "--model", "model.yaml", "--names", "names.json") as swarming:
        master = await swarming.master(2, "--rate", "40", "--for", "6s")
        workers = [await swarming.worker(), await swarming.worker()]
        assert await master.ended() == 0, master.said
        for worker in workers:
            await worker.ended()
    counts = swarming.counts()
    played = counts["LATE", "played"]["num_requests"]
    assert await master.until_said(f"{played:,} arrivals were due, and {played:,} taken")
    assert played == requests(counts) == sum(map(taken, workers)) > 100
    assert all(map(taken, workers))
    assert failures(counts) == 0


async def test_a_profile_purges_while_its_clients_ask(behind: Behind, tmp_path: Path) -> None:
    (tmp_path / "storm.yaml").write_text(
        "profile: 1\nabout: a small storm\nsource: none\nusers: 20\n"
        "streams: [{name: all, clients: {pip: 1, uv: 1}, stages: [{for: 4s, rate: 10}]}]\n"
        "purges:\n  - {what: projects, after: 1s, for: 2s, every: 500ms, each: 2}\n"
        "  - {what: everything, after: 3s, hard: true}\n"
    )
    profile = ("--load", str(tmp_path / "storm.yaml"))
    async with swarm(behind.edge, tmp_path) as swarming:
        refused = await swarming.alone(*profile)
        assert await refused.ended() == 2
        assert await refused.until_said("say --control PATH")
        node = await swarming.alone(*profile, "--control", str(behind.control))
        assert await node.ended() == 0, node.said
    counts = swarming.counts()
    assert counts["LATE", "arrivals"]["num_requests"] == 40
    assert counts["PURGE", "projects"]["num_requests"] == 4
    assert counts["PURGE", "everything"]["num_requests"] == 1
    assert failures(counts) == 0


async def test_users_of_the_closed_loop_are_locusts_own(behind: Behind, tmp_path: Path) -> None:
    async with swarm(behind.edge, tmp_path) as swarming:
        node = await swarming.alone("--users", "3", "--spawn-rate", "3", "--run-time", "4s", "PipUser", "DevpiUser")
        assert await node.ended() == 0, node.said
    counts = swarming.counts()
    assert {name.partition(":")[0] for _, name in counts} <= {"pip", "devpi"}
    assert requests(counts) > 0
    assert failures(counts) == 0


async def test_a_file_that_is_not_what_the_index_says_is_a_failure(behind: Behind, tmp_path: Path) -> None:
    (broken,) = behind.files.rglob("bottom-0.1.tar.gz")
    content = broken.read_bytes()
    broken.write_bytes(content[:-1] + b"?")
    try:
        async with swarm(behind.edge, tmp_path) as swarming:
            node = await swarming.alone("--arrivals", "10", "--for", "3s", "PipUser")
            assert await node.ended() == 1, node.said
    finally:
        broken.write_bytes(content)
    counts = swarming.counts()
    wrong = {name: each["num_failures"] for (_, name), each in counts.items() if each["num_failures"]}
    assert set(wrong) == {"pip: file"}, wrong
    assert 0 < failures(counts) == counts["GET", "pip: file"]["num_failures"]
    assert counts["LATE", "arrivals"]["num_requests"] == 30
