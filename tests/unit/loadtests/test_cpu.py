"""CPU time of a process tree out of the text of /proc."""

import os
import subprocess
import sys

import pytest

from loadtests.bench.cpu import ProcessTimes, cpu_seconds, parse_stat, settle, tree_of

STAT = "{pid} ({name}) S {parent} 1 1 0 -1 4194560 120 0 0 0 {times} 20 0 3 0 8841 12345 678 18446744073709551615"


def stat(pid: int, parent: int, times: str, name: str = "nginx") -> str:
    return STAT.format(pid=pid, parent=parent, times=times, name=name)


def test_own_time_and_that_of_reaped_children_is_counted() -> None:
    assert parse_stat(stat(7, 1, "100 20 3 4")) == ProcessTimes(pid=7, parent=1, ticks=127)


@pytest.mark.parametrize("name", ["tmux: server", "a) R 99 (b", ")", "((("])
def test_a_name_may_hold_blanks_and_parentheses(name: str) -> None:
    assert parse_stat(stat(7, 5, "1 2 0 0", name)) == ProcessTimes(pid=7, parent=5, ticks=3)


def test_a_tree_is_the_root_with_all_below_it_and_nothing_else() -> None:
    processes = [
        ProcessTimes(1, 0, 1000),
        ProcessTimes(10, 1, 5),
        ProcessTimes(11, 10, 20),
        ProcessTimes(12, 11, 300),
        ProcessTimes(13, 1, 7000),
    ]
    assert sum(process.ticks for process in tree_of(processes, 10)) == 325


def test_children_may_be_listed_before_their_parent() -> None:
    assert {process.pid for process in tree_of([ProcessTimes(12, 40, 2), ProcessTimes(40, 1, 1)], 40)} == {12, 40}


def test_a_root_that_has_ended_is_an_error_not_zero() -> None:
    with pytest.raises(ProcessLookupError, match="process 40 has ended"):
        tree_of([ProcessTimes(12, 40, 2)], 40)


def test_the_time_of_a_running_process_only_grows() -> None:
    before = cpu_seconds(os.getpid())
    assert 0 <= before <= cpu_seconds(os.getpid())


def test_a_process_at_rest_is_settled_at_once_and_a_busy_one_when_its_work_is_done() -> None:
    work = "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass\nprint(flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", work], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as busy:
        settle(busy.pid)
        assert busy.stdout is not None
        assert cpu_seconds(busy.pid) >= 0.5
        busy.communicate(b"\n")
