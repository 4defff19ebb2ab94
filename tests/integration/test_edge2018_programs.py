"""The load maker of the 2018 edge load asks its backend directly: what it sees is what was sent."""

from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from loadtests.bench.processes import free_port, running, wait_until_it_answers
from loadtests.edge2018.load import Phase, Settings
from loadtests.edge2018.maker import Maker, Observed, Way
from loadtests.edge2018.origin import command_of_origin, reached_at
from loadtests.edge2018.population import Population
from loadtests.edge2018.schedule import Schedule

pytestmark = pytest.mark.alone

SETTINGS = Settings(
    seed=3,
    mean=60_000,
    rate=400,
    seconds=0.5,
    uptime=1,
    room=10**9,
    connections=4,
    per_connection=5,
    projects=200,
)


@contextmanager
def backend(directory: Path, seed: int = SETTINGS.seed) -> Iterator[int]:
    port, log = free_port(), directory / "log"
    with running(command_of_origin(port, seed, SETTINGS.mean, 0.001, SETTINGS.projects), log) as process:
        wait_until_it_answers(process, lambda: reached_at(port) == [], log)
        yield port


def carried_out(port: int, asked_for: Population, schedule: Schedule) -> Observed:
    began: list[float] = []
    seen = Maker(port, asked_for, SETTINGS.way(Phase.LOAD), schedule).carry_out(began.append)
    assert began == [seen.began]
    return seen


def test_every_request_is_sent_when_it_is_due_and_answered_and_connections_end(tmp_path: Path) -> None:
    asked_for = SETTINGS.population()
    schedule = SETTINGS.schedule(Phase.LOAD, asked_for)
    with backend(tmp_path) as port:
        seen = carried_out(port, asked_for, schedule)
        reached = reached_at(port)
    assert seen.faults == []
    assert len(reached) == len(schedule.due) > 100
    assert all(due <= sent < ended for due, sent, ended in zip(schedule.due, seen.sent, seen.ended, strict=True))
    assert seen.connections >= len(schedule.due) / SETTINGS.per_connection
    assert seen.words == ("",)  # this backend says nothing of a cache


def test_a_file_of_20_mb_is_taken_whole_and_one_too_many_waits_for_a_connection(tmp_path: Path) -> None:
    asked_for = SETTINGS.population()
    largest = max(range(len(asked_for.sizes)), key=asked_for.sizes.__getitem__)
    schedule = Schedule(array("d", (0.0, 0.0)), array("L", (largest, largest)))
    with backend(tmp_path) as port:
        seen = Maker(port, asked_for, Way(1, 1, 10), schedule).carry_out(lambda _: None)
    assert asked_for.sizes[largest] > 1_000_000
    assert seen.faults == []
    assert seen.sent[1] >= seen.ended[0] > 0


def test_the_answers_of_another_backend_are_all_faults(tmp_path: Path) -> None:
    schedule = SETTINGS.schedule(Phase.LOAD, SETTINGS.population())
    with backend(tmp_path, seed=4) as port:
        seen = carried_out(port, SETTINGS.population(), schedule)
    assert len(seen.faults) == len(schedule.due)
    assert "of wrong length" in {fault for _, fault in seen.faults}
    assert set(seen.ended) == {-1.0}
