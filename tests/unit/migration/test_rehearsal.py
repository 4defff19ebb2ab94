"""A cutover that asks for a rehearsal: which one is enough, what is said where none is, and what never needs one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cutover_values import START, cutover, entry, history

from edgeproxy.migration.commands import (
    Command,
    Finish,
    GateFailed,
    GatesPassed,
    Happening,
    Pause,
    Refusal,
    Refused,
    Rollback,
    SetShare,
    Step,
)
from edgeproxy.migration.cutover import decide
from edgeproxy.migration.journal import Entry
from edgeproxy.migration.phases import State
from edgeproxy.migration.rehearsal import Rehearsal, Rehearsals, told, unrehearsed

DAY, NOW = 86_400.0, 10_000_000.0
READS = replace(cutover(1, 5, 100), rehearsed_within=DAY)
HERE = {"legacy": "http://127.0.0.1:8081", "modern": "http://127.0.0.1:8082"}
DONE = Rehearsal(NOW - 3_600, "rules-1", HERE, "di@edge-1", True, 120, 80, 0, 2)


def known(*done: Rehearsal) -> Rehearsals:
    """The newest first."""
    return Rehearsals("rules-1", HERE, done)


@pytest.mark.parametrize(
    ("done", "reason"),
    [
        ((), "and none was done"),
        (
            (replace(DONE, ruleset="rules-0"),),
            "and the rules in use never were: the last rehearsal, 1h ago, was of others",
        ),
        ((replace(DONE, at=NOW - 2 * DAY),), "and the last one is 2d old; it may be 1d"),
        (
            (replace(DONE, passed=False, errors=3), replace(DONE, at=NOW - 7_200)),
            "and their last rehearsal, 1h ago, failed with 3 errors",
        ),
        (
            (replace(DONE, passed=False),),
            "and their last rehearsal, 1h ago, did not pass",
        ),
        (
            (replace(DONE, places={**HERE, "modern": "http://127.0.0.1:9"}),),
            "and they were rehearsed against other backends (modern at http://127.0.0.1:9, not http://127.0.0.1:8082)",
        ),
    ],
)
def test_what_is_not_enough(done: tuple[Rehearsal, ...], reason: str) -> None:
    refusal = decide(READS, State("reads"), START, NOW, known(*done))
    assert isinstance(refusal, Refusal)
    assert refusal.refused is Refused.NOT_REHEARSED
    assert refusal.reason == f"reads asks for a rehearsal of its rules, {reason}"
    assert refusal.remedy.startswith("rehearse them: `edgeproxy rehearse RULES --state DIR`")


def test_one_that_passed_of_these_rules_and_backends_is_enough() -> None:
    other = replace(DONE, at=NOW, ruleset="rules-2", passed=False)
    assert isinstance(decide(READS, State("reads"), START, NOW, known(other, DONE)), Entry)
    assert told(READS, known(other, DONE), NOW) == "passed 1h ago, by di@edge-1: 120 walks"
    assert told(READS, known(), NOW) == "needed: reads asks for a rehearsal of its rules, and none was done"


def test_that_rules_were_allowed_to_go_unwalked_is_said_with_it() -> None:
    assert told(READS, known(replace(DONE, unwalked=("json", "simple"))), NOW) == (
        "passed 1h ago, by di@edge-1: 120 walks, and of json, simple nothing real, which was allowed"
    )
    many = replace(DONE, unwalked=tuple(f"rule-{number}" for number in range(10)))
    assert told(READS, known(many), NOW).endswith("rule-7 and 2 more nothing real, which was allowed")


def test_who_asks_for_none_needs_none() -> None:
    assert unrehearsed(cutover(1, 100), known(), NOW) is None
    assert isinstance(decide(cutover(1, 100), State("reads"), START, NOW), Entry)


STEPPING = history(cutover(1, 5, 100), [START, Step("di", "on"), Step("di", "on")])[0]


@pytest.mark.parametrize(
    "asked",
    [Step("di", "on", is_forced=True), GatesPassed("edge"), SetShare("di", "more", 50_000)],
    ids=lambda asked: type(asked).__name__,
)
def test_what_brings_clients_to_the_new_side_needs_one(asked: Command | Happening) -> None:
    late = STEPPING.since + DAY
    refusal = decide(READS, STEPPING, asked, late, known())
    assert isinstance(refusal, Refusal)
    assert refusal.refused is Refused.NOT_REHEARSED
    assert isinstance(decide(READS, STEPPING, asked, late, known(replace(DONE, at=late - 60))), Entry)


@pytest.mark.parametrize(
    "asked",
    [
        Rollback("di", "back"),
        Pause("di", "a moment"),
        SetShare("di", "fewer", 1_000),
        SetShare("di", "nobody", 0),
        GateFailed("edge", "errors"),
    ],
    ids=str,
)
def test_the_way_back_needs_none(asked: Command | Happening) -> None:
    assert isinstance(decide(READS, STEPPING, asked, STEPPING.since + DAY, known()), Entry)


def test_who_is_there_may_stay_there() -> None:
    state = history(cutover(1, 100), [START, Step("di", "on"), Step("di", "all")])[0]
    assert entry(READS, state, Finish("di", "for good"), state.since + DAY).share == 100_000
