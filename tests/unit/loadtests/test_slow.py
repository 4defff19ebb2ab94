"""What the attack run makes of what it saw."""

from __future__ import annotations

import math

import pytest

from loadtests.slow.attackers import Kind, command_of, opening_of
from loadtests.slow.good import Seen
from loadtests.slow.report import faults_of, json_of, text_of
from loadtests.slow.run import Fate, Outcome

FATE = Fate(most_open=1000, head_timeouts=990, body_timeouts=0, given_up=0, refused=10)
QUIET = Seen([0.001] * 99 + [0.002], 0)


def outcome(worst: float, failures: int = 0, unexpected: int = 0) -> Outcome:
    return Outcome(QUIET, Seen([0.001] * 99 + [worst], failures), FATE, 64 << 20, 72 << 20, unexpected)


def test_a_percentile_is_a_latency_that_was_seen() -> None:
    seen = Seen([number / 100 for number in range(100, 0, -1)], 0)
    assert [seen.percentile(share) for share in (0.0, 0.5, 0.99, 1.0)] == [0.01, 0.51, 1.0, 1.0]
    assert math.isnan(Seen([], 3).percentile(0.99))


def test_the_verdict_is_that_of_the_median_round() -> None:
    assert faults_of({"a": [outcome(0.003), outcome(0.004), outcome(0.9)]}) == []
    (fault,) = faults_of({"a": [outcome(0.003), outcome(0.005), outcome(0.9)]})
    assert "2.50 times" in fault


def test_failed_requests_and_errors_of_the_edge_are_faults_however_fast_it_was() -> None:
    assert faults_of({"a": [outcome(0.002, failures=1)]}) == ["a: 1 good requests failed"]
    assert len(faults_of({"a": [outcome(0.002, unexpected=1)]})) == 1


def test_nothing_answered_is_a_fault() -> None:
    dead = Outcome(QUIET, Seen([], 100), FATE, 0, 0, 0)
    assert len(faults_of({"a": [dead]})) == 2


def test_the_table_has_a_row_for_each_attack_and_the_json_every_round() -> None:
    results = {"slow-head": [outcome(0.003), outcome(0.004)], "slow-body": [outcome(0.002)]}
    head, first, second = text_of(results).splitlines()
    assert len(head) == len(first) == len(second)
    assert " ".join(first.split()) == "slow-head 1.00 1.00 2.00 3.50 2.00 3.50 1.75 0 1000 990 0 0 10 64 → 72"
    found = json_of(results)
    assert [len(found[name]["rounds"]) for name in results] == [2, 1]
    assert found["slow-body"]["rounds"][0]["attacked"]["p99"] == 0.002


@pytest.mark.parametrize("kind", Kind)
def test_an_attack_stays_on_this_machine_and_names_a_test_host(kind: Kind) -> None:
    for own in (False, True):
        command = command_of(kind, 8080, 1000, 12, own=own)
        assert "8080" in command or "127.0.0.1:8080" in command
        assert not [word for word in command if word.startswith("http") and "//pypi.test/" not in word]
    assert opening_of(kind).count(b"\r\n\r\n") == (0 if kind is Kind.HEAD else 1)
