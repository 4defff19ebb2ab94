"""A capture's writer as its worker sees it: what it says, and what is known of one that says nothing any more."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from edgeproxy.capture.columns import Draft
from edgeproxy.capture.settings import Settings
from edgeproxy.capture.work import Write
from edgeproxy.proxy.capture import writing
from edgeproxy.proxy.capture.writing import Writing

DRAFT = Draft(b'{"contents":[],"kinds":{},"more":{}}\n', b"\0" * 120, 3)


def settings(directory: Path) -> Settings:
    return Settings("20180416T150000Z", str(directory), 1.0, 1 << 24, 4)


async def test_what_was_written_is_told(tmp_path: Path) -> None:
    capture = Writing(settings(tmp_path), {})
    capture.put(Write(DRAFT))
    await capture.end({})
    assert (capture.problem, capture.numbers()["written"], capture.numbers()["lost"]) == (None, 3, 0)


async def test_a_writer_whose_disk_hangs_at_the_end_is_left_and_what_it_had_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = Writing(settings(tmp_path), {})
    await capture.begun.wait()
    assert capture._companion is not None
    os.kill(capture._companion.pid, signal.SIGSTOP)
    monkeypatch.setattr(writing, "_END_WITHIN", 0.01)
    capture.put(Write(DRAFT))
    await capture.end({})
    assert capture.problem == "its writer has not written what it had within 0.01 s: the disk hangs"
    assert (capture.numbers()["written"], capture.numbers()["lost"]) == (0, 3)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2])
async def test_who_stops_all_processes_of_an_edge_stops_no_writer_that_has_just_been_started(
    tmp_path: Path, number: signal.Signals
) -> None:
    capture = Writing(settings(tmp_path), {})
    assert capture._companion is not None
    os.kill(capture._companion.pid, number)
    capture.put(Write(DRAFT))
    await capture.begun.wait()
    os.kill(capture._companion.pid, number)
    await capture.end({})
    assert (capture.problem, capture.numbers()["written"]) == (None, 3)


async def test_a_writer_that_dies_while_it_ends_is_told(tmp_path: Path) -> None:
    capture = Writing(settings(tmp_path), {})
    await capture.begun.wait()
    assert capture._companion is not None
    os.kill(capture._companion.pid, signal.SIGSTOP)
    capture.put(Write(DRAFT))
    os.kill(capture._companion.pid, signal.SIGKILL)
    await capture.end({})
    assert capture.problem == "its writer was ended by SIGKILL"
    assert capture.numbers()["lost"] == 3
