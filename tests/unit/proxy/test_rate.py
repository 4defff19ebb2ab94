"""GCRA, and the table by which workers limit a client together."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import pytest

from edgeproxy.proxy.rate import Allowed, Limited, NotARateTable, RateTable, decide, rate_key
from edgeproxy.ruleset.modifiers import Rate

RATE = Rate(interval=2.0, burst=3)
NOW = 1000.0


@pytest.fixture
def table() -> Iterator[RateTable]:
    table = RateTable.create(1024)
    yield table
    table.close()


def ask_often(
    table: RateTable, times: int, now: float = NOW, client: str = "192.0.2.1", rule: str = "simple"
) -> list[float]:
    return [table.ask(rule, client, RATE, now) for _ in range(times)]


# -- the decision -------------------------------------------------------------------------------------------------


def test_a_burst_is_allowed_and_then_one_request_an_interval() -> None:
    due = NOW
    for _ in range(RATE.burst):
        verdict = decide(due, NOW, RATE)
        assert isinstance(verdict, Allowed)
        due = verdict.due
    assert due == NOW + 6.0
    assert decide(due, NOW, RATE) == Limited(2.0)
    assert decide(due, NOW + 1.5, RATE) == Limited(0.5)
    assert decide(due, NOW + 2.0, RATE) == Allowed(NOW + 8.0)


def test_a_client_that_rested_has_its_burst_again_and_no_more() -> None:
    assert decide(NOW, NOW + 1000, RATE) == Allowed(NOW + 1002)


def test_a_due_of_another_rate_makes_nobody_wait_longer_than_an_interval() -> None:
    for due in (NOW + 1e9, float("inf")):
        verdict = decide(due, NOW, RATE)
        assert isinstance(verdict, Limited)
        assert verdict.retry_after == pytest.approx(2.0, abs=1e-5)


@pytest.mark.parametrize(
    ("address", "key"),
    {
        "192.0.2.1": "192.0.2.1",
        "::ffff:192.0.2.1": "192.0.2.1",
        "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
        "2001:DB8:1:2::1": "2001:db8:1:2::/64",
        "2001:db8:1:3::1": "2001:db8:1:3::/64",
        "::1": "::/64",
        "unknown": "unknown",
    }.items(),
)
def test_whom_to_count(address: str, key: str) -> None:
    assert rate_key(address) == key


# -- the table ----------------------------------------------------------------------------------------------------


def test_a_client_is_limited_by_each_rule_for_itself(table: RateTable) -> None:
    assert ask_often(table, 4) == [0.0, 0.0, 0.0, 2.0]
    assert ask_often(table, 1, client="192.0.2.2") == [0.0]
    assert ask_often(table, 1, rule="files") == [0.0]
    assert ask_often(table, 2, NOW + 2.0) == [0.0, 2.0]


def test_what_is_refused_is_not_counted(table: RateTable) -> None:
    ask_often(table, 1000)
    assert ask_often(table, 4, NOW + 6.0) == [0.0, 0.0, 0.0, 2.0]


def test_a_flood_of_clients_makes_the_table_forget_and_never_grow() -> None:
    table = RateTable.create(8)
    size = os.fstat(table.fd).st_size
    flood = [f"198.51.100.{number}" for number in range(100)]
    for number, client in enumerate(flood):
        assert table.ask("simple", client, RATE, NOW + number / 1000) == 0.0
    assert table.forgotten == 92
    assert os.fstat(table.fd).st_size == size
    # those due last are known: the last eight. The first of the flood are new again.
    assert [ask_often(table, 3, NOW + 0.1, client)[2] > 0 for client in flood[-8:]] == [True] * 8
    assert ask_often(table, 3, NOW + 0.1, flood[0]) == [0.0] * 3
    table.close()


def test_slots_that_nobody_needs_any_more_are_used_again() -> None:
    table = RateTable.create(8)
    for number in range(800):  # one comes when another's due has passed
        assert table.ask("simple", f"client {number}", RATE, NOW + number) == 0.0
    assert table.forgotten == 0
    table.close()


@pytest.mark.parametrize(("slots", "octets"), [(1, 128), (8, 128), (9, 256), (1000, 16 * 1024), (65536, 16 * 65536)])
def test_a_table_has_at_least_the_slots_asked_for(slots: int, octets: int) -> None:
    table = RateTable.create(slots)
    assert os.fstat(table.fd).st_size == 64 + octets
    for number in range(50):
        assert table.ask("simple", f"client {number}", RATE, NOW) == 0.0
    table.close()


def test_a_table_without_slots_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        RateTable.create(0)


def test_only_rate_tables_are_attached() -> None:
    with tempfile.TemporaryFile() as file:
        with pytest.raises(NotARateTable, match="0 octets"):
            RateTable.attach(file.fileno())
        file.write(bytes(64 + 128))
        file.flush()
        with pytest.raises(NotARateTable, match="does not hold"):
            RateTable.attach(file.fileno())


def test_a_closed_table_leaves_no_descriptor() -> None:
    before = set(os.listdir("/proc/self/fd"))
    table = RateTable.create(64)
    other = RateTable.attach(table.fd)
    assert ask_often(table, 2) + ask_often(other, 2) == [0.0, 0.0, 0.0, 2.0]
    other.close()
    assert ask_often(table, 1) == [2.0]
    table.close()
    assert set(os.listdir("/proc/self/fd")) == before


# -- several processes --------------------------------------------------------------------------------------------

WORKER = """
import sys
from edgeproxy.proxy.rate import RateTable
from edgeproxy.ruleset.modifiers import Rate
fd, times, client = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
table = RateTable.attach(fd)
print("ready", flush=True)
sys.stdin.readline()
print(sum(table.ask("simple", client, Rate(2.0, 3000), 1000.0) == 0.0 for _ in range(times)))
"""


def start_worker(table: RateTable, times: int, client: str) -> subprocess.Popen[str]:
    """A process started anew, which knows nothing but the descriptor; it has attached when this returns."""
    command = [sys.executable, "-c", WORKER, str(table.fd), str(times), client]
    pipe = subprocess.PIPE
    worker = subprocess.Popen(command, pass_fds=[table.fd], stdin=pipe, stdout=pipe, text=True)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    return worker


def count_allowed(worker: subprocess.Popen[str]) -> int:
    out, _ = worker.communicate("go\n", timeout=60)
    return int(out)


def test_workers_limit_a_client_together(table: RateTable) -> None:
    workers = [start_worker(table, 2000, "192.0.2.1") for _ in range(2)]
    other = start_worker(table, 2000, "192.0.2.2")
    assert [count_allowed(worker) for worker in workers] == [2000, 1000]
    assert count_allowed(other) == 2000


def test_workers_that_ask_at_the_same_time_lose_little(table: RateTable) -> None:
    workers = [start_worker(table, 20_000, "192.0.2.1") for _ in range(2)]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    allowed = sum(count_allowed(worker) for worker in workers)
    assert 3000 <= allowed <= 6000  # at the very worst each counts for itself


FORKING = """
import os
from edgeproxy.proxy.rate import RateTable
from edgeproxy.ruleset.modifiers import Rate
table, rate = RateTable.create(64), Rate(2.0, 3)
def ask(times): return [table.ask("simple", "192.0.2.1", rate, 1000.0) for _ in range(times)]
child = os.fork()
if child == 0:
    os._exit(0 if ask(2) == [0.0, 0.0] else 1)
print(os.waitpid(child, 0)[1], ask(2))
"""


def test_a_forked_worker_shares_its_parents_table() -> None:
    """In a process of its own: one with threads, as that of the tests may be, should not fork."""
    ran = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, timeout=60)
    assert (ran.stdout, ran.stderr) == ("0 [0.0, 2.0]\n", "")
