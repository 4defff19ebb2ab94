"""The benchmark's own programs answer, and whatever it starts is ended with all it started."""

import os
import select
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from loadtests.bench.__main__ import main
from loadtests.bench.cases import CASES
from loadtests.bench.counting import command_of_counting, count_at
from loadtests.bench.idle import hold
from loadtests.bench.load import Door, answers_well, fills
from loadtests.bench.memory import Memory, memory_of
from loadtests.bench.origin import prepare_own
from loadtests.bench.processes import CannotStart, free_port, running, wait_until_it_answers
from loadtests.bench.proxies import Bare
from loadtests.bench.site import Site

pytestmark = pytest.mark.alone

STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.fork()
with open(sys.argv[1], "a") as file:
    file.write(f"{os.getpid()}\\n")
time.sleep(60)
"""


def has_ended(pid: int) -> bool:
    """Killed processes that are nobody's child take a moment."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], 10)[0])
    finally:
        os.close(process)


def test_the_own_origin_answers_every_case_and_bare_passes_it_on(tmp_path: Path) -> None:
    origin = Site(tmp_path, tmp_path, 0, free_port())
    bare = Site(tmp_path, tmp_path, origin.port, free_port())
    log = tmp_path / "log"
    with running(prepare_own(origin), log) as first, running(Bare().prepare(bare, CASES[0]), log) as second:
        for case in (case for case in CASES if not case.cached):
            wait_until_it_answers(first, partial(answers_well, case, Door(origin.port)), log)
            wait_until_it_answers(second, partial(answers_well, case, Door(bare.port)), log)
    assert has_ended(first.pid)
    assert has_ended(second.pid)


def test_the_counting_origin_answers_every_cached_case_and_tells_how_often(tmp_path: Path) -> None:
    cases = [replace(case, validated=False) for case in CASES if case.cached]
    port, log = free_port(), tmp_path / "log"
    with running(command_of_counting(port), log) as process:
        wait_until_it_answers(process, lambda: count_at(port) == 0, log)
        assert all(answers_well(case, Door(port)) for case in cases)
        assert count_at(port) == sum(min(len(case.paths), 10) for case in cases)
        assert fills(cases[0], Door(port))
        assert not answers_well(replace(cases[0], size=7), Door(port))


def test_idle_connections_are_answered_kept_and_answered_again(tmp_path: Path) -> None:
    origin = Site(tmp_path, tmp_path, 0, free_port())
    case, log = CASES[0], tmp_path / "log"
    with running(prepare_own(origin), log) as process:
        wait_until_it_answers(process, partial(answers_well, case, Door(origin.port)), log)
        growth = hold(case, origin.port, 150, partial(memory_of, process.pid))
    assert (growth.connections, growth.fault) == (135, None)
    assert growth.resident > 0


def test_connections_that_were_closed_are_a_fault(tmp_path: Path) -> None:
    origin = Site(tmp_path, tmp_path, 0, free_port())
    case, log = CASES[0], tmp_path / "log"
    readings: list[Memory] = []

    with running(prepare_own(origin), log) as process:

        def read_and_end_after_the_second() -> Memory:
            readings.append(memory_of(process.pid))
            if len(readings) == 2:
                process.kill()
                os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            return readings[-1]

        wait_until_it_answers(process, partial(answers_well, case, Door(origin.port)), log)
        growth = hold(case, origin.port, 20, read_and_end_after_the_second)
    assert growth.fault == "20 of 20 connections were closed"


def test_after_an_error_even_children_that_ignore_being_ended_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadtests.bench.processes._END_SECONDS", 0.2)
    pids = tmp_path / "pids"

    def has_forked() -> bool:
        return pids.exists() and len(pids.read_text().split()) == 2

    def run_until_stopped() -> None:
        with running((sys.executable, "-c", STUBBORN, str(pids)), tmp_path / "log") as process:
            wait_until_it_answers(process, has_forked, tmp_path / "log")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_until_stopped()
    assert all(has_ended(int(pid)) for pid in pids.read_text().split())


def test_a_program_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    command = (sys.executable, "-c", "raise SystemExit('no such rule file')")
    with pytest.raises(CannotStart, match="no such rule file"), running(command, tmp_path / "log") as process:
        wait_until_it_answers(process, lambda: False, tmp_path / "log")


def test_without_wrk_there_is_one_clear_line_and_status_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("loadtests.bench.processes._SYSTEM_PROGRAMS", os.devnull)
    monkeypatch.setenv("PATH", os.devnull)
    assert main([]) == 2
    assert capsys.readouterr().err == (
        "bench: wrk is not installed, and it makes the load: install it (Debian: apt install wrk)\n"
    )
