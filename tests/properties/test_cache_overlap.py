"""Whatever overlaps whatever: nobody gets an answer that is not for him, and nobody is left without one.

Random programs of clients that ask at the same time, of an origin that answers piece by piece, of purges, writes and
failures between, are played on a real edge (`overlapping.play`). What was seen is held against a naive model that looks
back on all of it (`overlapping.oracle`, `overlapping.collapsing`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import uvloop
from hypothesis import given, settings
from overlapping.collapsing import needless
from overlapping.history import Ending, Exchange, History, Purged, Sent
from overlapping.oracle import complaints
from overlapping.play import play
from overlapping.program import PROGRAMS, PROGRAMS_OF_TWO, Ask, Begin, More, Program, Request, Rule, Says, Step


@settings(max_examples=200)
@given(PROGRAMS)
def test_a_worker_gives_nobody_what_is_not_for_him(program: Program) -> None:
    history = _played(program, has_disk=False)
    _hold(history, complaints(history))
    _hold(history, needless(history))


@settings(max_examples=60)
@given(PROGRAMS_OF_TWO)
def test_workers_that_share_a_disk_give_nobody_what_is_not_for_him(program: Program) -> None:
    history = _played(program, has_disk=True)
    _hold(history, complaints(history))


def _played(program: Program, *, has_disk: bool) -> History:
    with TemporaryDirectory() as place, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(play(program, Path(place), has_disk=has_disk))


def _hold(history: History, found: Iterable[str]) -> None:
    wrong = list(found)
    assert not wrong, "\n".join([*wrong, "", str(history)])


# -- of the model ---------------------------------------------------------------------------------------------------

ONE = Request("/a")
TWO_WHO_GET_ONE_ANSWER = Program(
    Rule(), tuple(map(Step, (Ask(0, (ONE,)), Begin(0, Says()), Ask(1, (ONE,)), More(0, is_end=True))))
)


def _of_credentials(history: History, answer: Exchange, second: Sent) -> None:
    answer.fields = {**answer.fields, "authorization": "Basic YTpi"}


def _of_a_variant(history: History, answer: Exchange, second: Sent) -> None:
    answer.head = {**answer.head, "vary": "x-client"}


def _of_privacy(history: History, answer: Exchange, second: Sent) -> None:
    answer.head = {**answer.head, "cache-control": "private"}


def _of_a_purge(history: History, answer: Exchange, second: Sent) -> None:
    """Between the two requests."""
    second.begun = (answer.ended or 0) + 2
    history.purges.append(Purged("/a", None, True, second.begun - 2, 0.0, done=second.begun - 1))


def _of_time(history: History, answer: Exchange, second: Sent) -> None:
    second.begun_at += 31


def _of_content(history: History, answer: Exchange, second: Sent) -> None:
    second.body[9:9] = b"x"


def _of_an_end(history: History, answer: Exchange, second: Sent) -> None:
    second.ending = Ending.BROKEN


def _of_a_status(history: History, answer: Exchange, second: Sent) -> None:
    second.status = 404


LIES: dict[str, Callable[[History, Exchange, Sent], None]] = {
    "its request had credentials": _of_credentials,
    "it is another variant": _of_a_variant,
    "private": _of_privacy,
    "took it": _of_a_purge,
    "seconds old": _of_time,
    "its content is not that of": _of_content,
    "it broke off though": _of_an_end,
    "its status is another": _of_a_status,
}


@pytest.mark.parametrize("why", LIES)
def test_the_model_sees_what_is_wrong(why: str) -> None:
    history = _played(TWO_WHO_GET_ONE_ANSWER, has_disk=False)
    assert not list(complaints(history))
    (answer, *_), (_, second, *_) = history.exchanges, history.sent
    assert (answer.client, second.client, second.head["x-number"]) == (0, 1, answer.name)
    LIES[why](history, answer, second)
    assert any(why in found for found in complaints(history))


def test_the_model_sees_that_the_origin_was_asked_for_nothing() -> None:
    history = _played(TWO_WHO_GET_ONE_ANSWER, has_disk=False)
    answer, second = history.exchanges[0], history.sent[1]
    answer.ended = second.begun + 2
    again = Exchange(1, 0, 1, "GET", "/a", answer.fields, second.begun + 1, answer.asked_at)
    history.exchanges[1:] = [again]
    assert second.headed is not None
    second.headed = max(second.headed, again.asked)
    assert len(list(needless(history))) == 1
