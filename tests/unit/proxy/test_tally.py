"""Who waits for an answer of a new arm, as it is told from second to second."""

from __future__ import annotations

import weakref

from edgeproxy.migration.gates.counts import Block
from edgeproxy.proxy.tally import LATE, MOST_WATCHED, ArmOf, Measured, Tally
from edgeproxy.telemetry.counters import BackendFailure

NEW, OLD = ArmOf("reads", is_new=True), ArmOf("reads", is_new=False)


class Worker:
    """With a clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.tally = Tally()
        self.tally.put({"reads": 50_000})

    def begin(self, arm: ArmOf = NEW, *, is_whole: bool = True) -> Measured:
        measured = self.tally.begin(arm, lambda: self.now, is_whole=is_whole)
        assert measured is not None
        return measured

    def late(self, seconds: float = LATE) -> int:
        """By how many more, after some time."""
        self.now += seconds
        words = self.tally.take()
        return Block.from_json(words["reads"]).new.late if words else 0


def test_who_waits_is_late_after_a_second_until_it_is_over_however_it_ends() -> None:
    worker = Worker()
    ends = [
        lambda each: each.on_failure(BackendFailure.HEAD_TIMEOUT, is_whole=True),
        lambda each: each.on_head(200),
        lambda each: each.on_whole(503),
        lambda each: each.on_client_gone(0.0, is_whole=True),
    ]
    waiting = [worker.begin() for _ in ends]
    assert worker.late(LATE / 2) == 0
    assert worker.late(LATE / 2) == len(ends)
    assert worker.late() == 0
    for end, each in zip(ends, waiting, strict=True):
        end(each)
        assert worker.late() == -1
    assert worker.tally.take() == {}


def test_who_is_answered_in_time_or_is_on_the_old_arm_is_never_late() -> None:
    worker = Worker()
    answered, old = worker.begin(), worker.begin(OLD)
    answered.on_head(200)
    assert worker.late() == 0
    assert not old.is_answered


def test_who_is_still_sending_is_not_late_before_a_second_after_the_end_of_that() -> None:
    worker = Worker()
    sending = worker.begin(is_whole=False)
    assert worker.late(100 * LATE) == 0
    sending.on_request_end()
    assert worker.late(LATE / 2) == 0
    assert worker.late(LATE / 2) == 1


def test_what_everybody_has_forgotten_is_waited_for_by_nobody() -> None:
    worker = Worker()
    forgotten = worker.begin()
    assert worker.late() == 1
    del forgotten
    assert worker.late() == -1


def test_under_another_share_all_begins_anew() -> None:
    worker = Worker()
    before = worker.begin()
    assert worker.late() == 1
    worker.tally.put({"reads": 100_000})
    assert worker.late() == 0
    assert before.is_late
    before.on_whole(200)
    assert worker.late() == 0


def test_where_nobody_takes_the_tallies_what_is_over_is_not_kept() -> None:
    worker = Worker()
    waiting = worker.begin()
    over = []
    for number in range(3 * MOST_WATCHED):
        measured = worker.begin()
        if number % (MOST_WATCHED // 4) == 0:
            over.append(weakref.ref(measured))
        measured.on_whole(200)
    del measured
    assert sum(each() is not None for each in over) < 6
    words = worker.tally.take()["reads"]
    counts = Block.from_json(words).new
    assert (counts.exchanges, counts.unwatched) == (3 * MOST_WATCHED, 0)
    assert worker.late() == 1
    waiting.on_head(200)


def test_how_many_wait_unwatched_is_counted() -> None:
    worker = Worker()
    waiting = [worker.begin() for _ in range(MOST_WATCHED + 5)]
    counts = Block.from_json(worker.tally.take()["reads"]).new
    assert (counts.late, counts.unwatched) == (0, 5)
    waiting += [worker.begin() for _ in range(3)]
    counts = Block.from_json(worker.tally.take()["reads"]).new
    assert (counts.late, counts.unwatched) == (0, 3)
    assert worker.late() == MOST_WATCHED
    for each in waiting:
        each.on_whole(200)
    counts = Block.from_json(worker.tally.take()["reads"]).new
    assert (counts.exchanges, counts.late, counts.unwatched) == (len(waiting), -MOST_WATCHED, 0)
    worker.begin()
    assert worker.late() == 1
