"""The comparer of a worker, as a process: specimens in, findings out, whatever becomes of either."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from edge_process import WAIT, is_running
from specimens import OTHER, PAIR, part, shadowed, specimen

from edgeproxy.control.comparing import MOST_WAITING, Comparing
from edgeproxy.migration.comparing.comparer import LEARNING, Comparer
from edgeproxy.migration.comparing.findings import Findings, Period, Unjudged, lessons_json
from edgeproxy.migration.specimen import Silence, Specimen
from edgeproxy.telemetry.counters import Counters


class Worker:
    """What a worker has of comparing, and all that was found."""

    def __init__(self, lessons: str = "") -> None:
        self.found = Findings()
        self.counters = Counters()
        self.is_heard = True
        self.is_kept_waiting = asyncio.Event()
        self._news = asyncio.Event()
        self.comparing = Comparing(shadowed(), lessons, self._hear, self._is_heard, self.counters)

    def _is_heard(self) -> bool:
        if not self.is_heard:
            self.is_kept_waiting.set()
        return self.is_heard

    def _hear(self, text: str) -> None:
        self.found.merge(Findings.from_json(json.loads(text)))
        self._news.set()

    @property
    def done(self) -> int:
        return self.found.groups.compared + sum(self.found.unjudged.values())

    async def until_compared(self, count: int, within: float = WAIT) -> None:
        """In groups; those that are learned from are counted there, too."""
        async with asyncio.timeout(within):
            while self.found.groups.compared < count:
                self._news.clear()
                await self._news.wait()

    async def until_taken(self, each: Specimen) -> None:
        """After the pause that follows on a comparer's end."""
        async with asyncio.timeout(WAIT):
            while not self.comparing.deliver(each):
                await asyncio.sleep(0.05)


@asynccontextmanager
async def worker(lessons: str = "") -> AsyncIterator[Worker]:
    one = Worker(lessons)
    try:
        yield one
    finally:
        await one.comparing.close(0.0)


async def test_specimens_go_in_and_findings_come_out() -> None:
    async with worker() as one:
        assert one.comparing.pid == 0  # nobody needs it yet
        assert all(one.comparing.deliver(PAIR) for _ in range(LEARNING))
        assert all(one.comparing.deliver(each) for each in (specimen(OTHER), specimen(Silence.CONNECT), specimen()))
        await one.until_compared(LEARNING + 3)
        assert {period: each.counts.different for period, each in one.found.periods.items()} == {
            Period("reads", 3, 1): 2
        }
        nice = min(os.getpriority(os.PRIO_PROCESS, 0) + 10, 19)
        assert os.getpriority(os.PRIO_PROCESS, one.comparing.pid) == nice
        assert one.found.unjudged == {("page", Unjudged.LEARNING): LEARNING - 1}


async def test_at_its_end_a_worker_lets_it_compare_what_it_has() -> None:
    async with worker() as one:
        for _ in range(LEARNING):
            assert one.comparing.deliver(PAIR)
        pid = one.comparing.pid
        await one.comparing.close(WAIT)
        assert one.found.groups.compared == LEARNING
        assert not is_running(pid)
        assert not one.comparing.deliver(PAIR)
        assert (one.counters.comparers_ended, one.counters.specimens_lost) == (0, 0)


async def test_one_that_is_killed_is_replaced_and_its_loss_is_counted_and_told_once(
    capfd: pytest.CaptureFixture[str],
) -> None:
    async with worker() as one:
        for time in (1, 2, 3):
            await one.until_taken(PAIR)
            os.kill(one.comparing.pid, signal.SIGKILL)
            async with asyncio.timeout(WAIT):
                while one.counters.comparers_ended < time:
                    await asyncio.sleep(0.01)
        await one.until_taken(specimen(OTHER))
        await one.until_compared(1)
        assert one.counters.specimens_lost == 3
        for _ in range(LEARNING):
            assert one.comparing.deliver(PAIR)
        await one.until_compared(1 + LEARNING)
        assert sum(each.counts.lost for each in one.found.periods.values()) == 0  # said with one that was learned from
    said = "edgeproxy: the comparer of shadows was ended by SIGKILL: another one takes its place\n"
    assert capfd.readouterr().err == said


async def test_what_is_lost_with_it_is_said_to_gates_when_another_one_compares() -> None:
    learned = Comparer(shadowed(), {})
    for _ in range(LEARNING):
        learned.take(learned.look(PAIR))
    async with worker(json.dumps(lessons_json(learned.lessons))) as one:
        for time in (1, 2):
            await one.until_taken(PAIR)
            os.kill(one.comparing.pid, signal.SIGKILL)
            async with asyncio.timeout(WAIT):
                while one.counters.comparers_ended < time:
                    await asyncio.sleep(0.01)
        tries = 1
        while not one.comparing.deliver(PAIR):  # it is not started again at once
            tries += 1
            await asyncio.sleep(0.05)
        await one.until_compared(1)
        (counted,) = one.found.periods.values()
        assert (counted.counts.compared, counted.counts.different) == (1, 0)
        assert counted.counts.lost >= tries + 1


async def test_noise_that_is_known_is_handed_to_it() -> None:
    async with worker() as one:
        for _ in range(LEARNING):
            assert one.comparing.deliver(PAIR)
        await one.until_compared(LEARNING)
    async with worker(json.dumps(lessons_json(one.found.lessons))) as other:
        assert other.comparing.deliver(specimen(OTHER))
        await other.until_compared(1)
        (counted,) = other.found.periods.values()
        assert counted.counts.different == 1


async def test_when_its_pipe_is_full_nothing_more_is_taken_and_nobody_waits() -> None:
    async with worker() as one:
        large = replace(PAIR, old=part(b"x" * (1 << 20)))
        assert one.comparing.deliver(large)
        os.kill(one.comparing.pid, signal.SIGSTOP)
        taken = 0
        while one.comparing.deliver(large):
            taken += 1
        assert 0 < taken <= MOST_WAITING >> 20
        os.kill(one.comparing.pid, signal.SIGCONT)
        await one.until_compared(taken + 1)
        assert one.comparing.deliver(PAIR)


async def test_while_nobody_hears_it_it_waits_and_loses_nothing() -> None:
    async with worker() as one:
        one.is_heard = False
        for _ in range(LEARNING):
            assert one.comparing.deliver(PAIR)
        async with asyncio.timeout(WAIT):
            await one.is_kept_waiting.wait()
        assert not one.found
        one.is_heard = True
        await one.until_compared(LEARNING)


async def test_content_made_to_take_for_ever_is_compared_all_the_same() -> None:
    deep = b"[" * 2_000_000
    wide = b'{"a":' + b"[0]," * 1_000_000 + b"0}"
    async with worker() as one:
        for content in (deep, wide, b"\xff" * 1_000_000, b"{" + b'"a":1,' * 500_000 + b'"a":1}'):
            assert one.comparing.deliver(specimen(part(content)))
        await one.until_compared(4)
        assert one.found.groups.different == 4


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_pair_that_takes_too_long_is_given_up_and_what_it_came_with_is_compared() -> None:
    ones, twos, threes = (part(b"[" + b"%d," % number * 499_000 + b"0]") for number in (1, 2, 3))
    async with worker() as one:
        assert one.comparing.deliver(specimen(twos, again=threes, old=ones))  # two comparisons of 8 s of CPU time each
        assert one.comparing.deliver(PAIR)
        await one.until_compared(2, within=4 * WAIT)  # it is nice to all others on the machine
        assert one.found.unjudged == {("page", Unjudged.LEARNING): 2}
        assert (one.found.groups.different, one.counters.comparers_ended) == (1, 0)


async def test_it_is_gone_when_its_worker_is_killed(tmp_path: Path) -> None:
    """A process that has a comparer, and says which."""
    code = (
        "import asyncio, sys\n"
        "from specimens import PAIR, shadowed\n"
        "from edgeproxy.control.comparing import Comparing\n"
        "from edgeproxy.telemetry.counters import Counters\n"
        "async def main():\n"
        "    one = Comparing(shadowed(), '', lambda text: None, lambda: True, Counters())\n"
        "    assert one.deliver(PAIR)\n"
        "    print(one.pid, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    tests = str(Path(__file__).parents[1])
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": f"{tests}:{Path(tests).parent}"},
    )
    assert process.stdout is not None
    pid = int(await process.stdout.readline())
    assert is_running(pid)
    process.kill()
    await process.wait()
    async with asyncio.timeout(WAIT):
        while is_running(pid):
            await asyncio.sleep(0.05)
