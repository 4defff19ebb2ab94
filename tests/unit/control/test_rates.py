"""The tables of rate limits as the supervisor keeps them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgeproxy.control.rates import Rates
from edgeproxy.control.sockets import Offer
from edgeproxy.proxy.rate import RateTable
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.modifiers import Rate

Adopting = Callable[[Offer | None], Rates]


def ruleset(*, slots: int = 64, limits: str = "limits: {rate: 1/h}") -> Ruleset:
    rule = f'{{name: all, match: {{host: app, path: "/"}}, respond: {{status: 204}}, {limits}}}'
    return parse_ruleset(
        f"edge: 1\nlimits: {{rate_slots: {slots}}}\nlisten: [{{address: '127.0.0.1:0'}}]\n"
        f"hosts: {{app: {{names: [pypi.test]}}}}\nrules: [{rule}]\n",
        "rules.yaml",
        base=Path(),
    )


NONE = ruleset(limits="")


@pytest.fixture
def adopting() -> Iterator[Adopting]:
    made: list[Rates] = []

    def adopt(offer: Offer | None) -> Rates:
        made.append(Rates(offer))
        return made[-1]

    yield adopt
    for rates in made:
        rates.keep_only(NONE)


def test_there_is_a_table_only_when_a_rule_has_a_rate_and_then_always_the_same(adopting: Adopting) -> None:
    rates = adopting(None)
    assert rates.of_worker(NONE) is None
    assert rates.descriptors() == {}
    fd = rates.of_worker(ruleset())
    assert fd is not None
    assert rates.of_worker(ruleset(limits="limits: {rate: 9/h}")) == fd


def test_a_reload_to_other_slots_has_both_tables_until_it_is_done(adopting: Adopting) -> None:
    rates = adopting(None)
    before = rates.of_worker(ruleset())
    after = rates.of_worker(ruleset(slots=128))
    assert rates.descriptors() == {64: before, 128: after}
    rates.keep_only(ruleset(slots=128))
    assert rates.descriptors() == {128: after}


def test_the_next_supervisor_goes_on_with_the_table(adopting: Adopting) -> None:
    fd = adopting(None).of_worker(ruleset())
    assert fd is not None
    other = RateTable.attach(fd)
    assert other.ask("all", "192.0.2.1", Rate(3600.0, 1), 1000.0) == 0.0
    other.close()
    mine = adopting(Offer(0, {}, {64: os.dup(fd)})).of_worker(ruleset())
    assert mine is not None
    adopted = RateTable.attach(mine)
    assert adopted.ask("all", "192.0.2.1", Rate(3600.0, 1), 1000.0) > 0
    adopted.close()


def test_a_table_that_is_none_is_not_taken_and_not_held(adopting: Adopting) -> None:
    with tempfile.TemporaryFile() as file:
        fd = os.dup(file.fileno())
        assert adopting(Offer(0, {}, {64: fd})).descriptors() == {}
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)
