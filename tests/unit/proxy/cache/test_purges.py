"""The log of purges: what its readers hear, and what writers that are killed leave behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from edgeproxy.caching.purging import Mode, Purge, What
from edgeproxy.proxy.cache.purges import PLACES, NotAPurgeLog, PurgeLog, carry_out

ALL = Purge(What.ALL, Mode.HARD, at=1_700_000_000.25)


@pytest.fixture
def log() -> Iterator[PurgeLog]:
    with closing(PurgeLog.create()) as log:
        yield log


def purge(number: int) -> Purge:
    return Purge(What.TAG, Mode.SOFT, number.to_bytes(16), float(number))


def adopted(log: PurgeLog) -> PurgeLog:
    """The same log, as another process has it."""
    return PurgeLog.adopt(os.dup(log.fd))


# -- the ring -----------------------------------------------------------------------------------------------------


def test_a_purge_is_read_as_it_was_written(log: PurgeLog) -> None:
    assert (log.seq, log.since(0)) == (0, ())
    written = [Purge(what, mode, bytes(range(16)), 1.5) for what in What if what is not What.ALL for mode in Mode]
    for number, each in enumerate([*written, ALL], start=1):
        assert log.append(each) == log.seq == number
    assert log.since(0) == (*written, ALL)
    assert log.since(log.seq - 1) == (ALL,)
    assert log.since(log.seq) == ()


def test_everybody_who_has_the_descriptor_hears_of_it(log: PurgeLog) -> None:
    with closing(adopted(log)) as other:
        log.append(ALL)
        assert (other.seq, other.since(0)) == (1, (ALL,))
        other.append(purge(2))
        assert log.since(1) == (purge(2),)


@pytest.mark.parametrize("behind", [PLACES - 1, PLACES, PLACES + 1, 3 * PLACES])
def test_who_was_overtaken_is_told_so(log: PurgeLog, behind: int) -> None:
    """At PLACES the oldest one's place is the next to be written, so it is not trusted any more."""
    for number in range(1, 3 * PLACES + 11):
        log.append(purge(number))
    found = log.since(log.seq - behind)
    if behind >= PLACES:
        assert found is None
    else:
        assert found == tuple(purge(number) for number in range(log.seq - behind + 1, log.seq + 1))


def test_a_number_that_was_never_given_is_of_another_log(log: PurgeLog) -> None:
    log.append(ALL)
    assert log.since(2) is None


@pytest.mark.parametrize("octet", range(34))
def test_what_is_not_whole_is_taken_for_everything(log: PurgeLog, octet: int) -> None:
    log.append(purge(1))
    log.append(purge(2))
    place = 64 + 40 * 2
    damaged = bytes([os.pread(log.fd, 1, place + octet)[0] ^ 0x40])
    os.pwrite(log.fd, damaged, place + octet)
    assert log.since(0) is None
    assert log.since(1) is None
    log.append(purge(3))
    assert log.since(2) == (purge(3),)


def test_only_purge_logs_are_adopted() -> None:
    with tempfile.TemporaryFile() as file:
        with pytest.raises(NotAPurgeLog, match="0 octets"):
            PurgeLog.adopt(file.fileno())
        file.write(bytes(64 + 40 * PLACES))
        file.flush()
        with pytest.raises(NotAPurgeLog, match="does not hold"):
            PurgeLog.adopt(file.fileno())


def test_a_log_is_known_by_its_identity(log: PurgeLog) -> None:
    with closing(adopted(log)) as same, closing(PurgeLog.create()) as other:
        assert same.identity == log.identity != other.identity
        assert len(log.identity) == 8


def test_a_closed_log_leaves_no_descriptor() -> None:
    before = set(os.listdir("/proc/self/fd"))
    log = PurgeLog.create()
    other = adopted(log)
    log.close()
    assert other.append(ALL) == 1
    other.close()
    assert set(os.listdir("/proc/self/fd")) == before


# -- the disk and the log as one ----------------------------------------------------------------------------------


class Disk:
    """It has two copies of everything. `failing`: it raises."""

    def __init__(self, log: PurgeLog, *, failing: bool = False) -> None:
        self._log = log
        self._failing = failing
        self.heard: list[tuple[Purge, ...] | None] = []

    def catch_up(self) -> int:
        if self._failing:
            raise OSError("no space left")
        self.heard.append(self._log.since(0))
        return 2 * self._log.seq


def test_the_disk_hears_once_of_all_that_is_purged_together(log: PurgeLog) -> None:
    disk = Disk(log)
    assert carry_out([ALL, purge(2)], log, disk) == 4
    assert disk.heard == [(ALL, purge(2))]


def test_a_disk_that_fails_keeps_no_worker_from_hearing_of_it(log: PurgeLog) -> None:
    with pytest.raises(OSError, match="no space left"):
        carry_out([ALL], log, Disk(log, failing=True))
    assert log.since(0) == (ALL,)
    assert carry_out([ALL], log, None) is None


# -- threads and processes ----------------------------------------------------------------------------------------


def test_threads_of_one_process_wait_for_each_other(log: PurgeLog) -> None:
    """What fcntl does not see, since its locks are a process's own."""
    added = threading.Thread(target=lambda: log.append(purge(2)))
    with log.lock():
        added.start()
        with log.lock():
            log.append(purge(1))
        assert log.since(0) == (purge(1),)
    added.join(30)
    assert log.since(0) == (purge(1), purge(2))


PROGRAM = """
import sys
from edgeproxy.caching.purging import Mode, Purge, What
from edgeproxy.proxy.cache.purges import PurgeLog
log = PurgeLog.adopt(int(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
"""
WRITER = (
    PROGRAM
    + """
for number in range(int(sys.argv[2])):
    log.append(Purge(What.TAG, Mode.SOFT, int(sys.argv[3]).to_bytes(8) + number.to_bytes(8), 1.0))
"""
)
ENDLESS = (
    PROGRAM
    + """
while True:
    log.append(Purge(What.TAG, Mode.SOFT, bytes(16), 1.0))
"""
)
HOLDER = (
    PROGRAM
    + """
with log.lock():
    print("locked", flush=True)
    sys.stdin.readline()
"""
)
READER = (
    PROGRAM
    + """
seen, known = 0, []
while len(known) < int(sys.argv[2]):
    found = log.since(seen)
    assert found is not None
    seen += len(found)
    known += [each.digest.hex() for each in found]
print(*known)
"""
)


def start(program: str, log: PurgeLog, *arguments: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(log.fd), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=(log.fd,),
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def end(process: subprocess.Popen[str]) -> str:
    with process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return said


def test_of_many_processes_at_once_nothing_is_lost_or_told_twice_and_all_see_one_order(log: PurgeLog) -> None:
    each, writers, readers = 500, 4, 2
    reading = [start(READER, log, each * writers) for _ in range(readers)]
    writing = [start(WRITER, log, each, writer) for writer in range(writers)]
    for process in reading + writing:
        go(process)
    for process in writing:
        end(process)
    found = log.since(0)
    assert found is not None
    seen = [one.digest.hex() for one in found]
    assert sorted(seen) == sorted(f"{writer:016x}{number:016x}" for writer in range(writers) for number in range(each))
    assert [end(process).split() for process in reading] == [seen] * readers


def test_writers_that_are_killed_leave_a_log_that_can_be_read_and_written(log: PurgeLog) -> None:
    for killed in range(1, 11):
        process = start(ENDLESS, log)
        before = log.seq
        go(process)
        while log.seq < before + 50:  # it is at it
            pass
        process.send_signal(signal.SIGKILL)
        with process:
            process.wait(30)
        last = log.seq
        assert log.append(purge(killed)) == last + 1
        found = log.since(max(0, last - PLACES + 100))
        assert found is not None
        assert found[-1] == purge(killed)


def test_a_lock_ends_with_the_process_that_had_it(log: PurgeLog) -> None:
    process = start(HOLDER, log)
    go(process)
    assert process.stdout is not None
    assert process.stdout.readline() == "locked\n"
    waiting = threading.Thread(target=log.append, args=(ALL,))
    waiting.start()
    assert log.seq == 0
    process.send_signal(signal.SIGKILL)
    with process:
        process.wait(30)
    waiting.join(30)
    assert log.since(0) == (ALL,)
