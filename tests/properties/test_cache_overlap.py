"""Whatever overlaps whatever: nobody gets an answer that is not for him, and nobody is left without one.

Random programs of clients that ask at the same time, of an origin that answers piece by piece, of purges, writes and
failures between, are played on a real edge (`overlapping.play`). What was seen is held against a naive model that looks
back on all of it (`overlapping.oracle`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop
from hypothesis import given, settings
from overlapping.collapsing import needless
from overlapping.history import History
from overlapping.oracle import complaints
from overlapping.play import play
from overlapping.program import PROGRAMS, Program


@settings(max_examples=300)
@given(PROGRAMS)
def test_a_worker_gives_nobody_what_is_not_for_him(program: Program) -> None:
    history = _played(program, has_disk=False)
    _hold(history, complaints(history))
    _hold(history, needless(history))


@settings(max_examples=50)
@given(PROGRAMS)
def test_workers_that_share_a_disk_give_nobody_what_is_not_for_him(program: Program) -> None:
    history = _played(program, has_disk=True)
    _hold(history, complaints(history))


def _played(program: Program, *, has_disk: bool) -> History:
    with TemporaryDirectory() as place, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(play(program, Path(place), has_disk=has_disk))


def _hold(history: History, found: Iterable[str]) -> None:
    found = list(found)
    assert not found, "\n".join([*found, "", str(history)])
