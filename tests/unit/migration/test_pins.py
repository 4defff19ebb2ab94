"""Pins: whom they put where, and when."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeproxy.migration.pins import pin_of, side_by
from edgeproxy.ruleset.arms import Cutover, Side, is_known_by_host
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.matching import Facts

RULES = """
edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts: {{app: {{names: [pypi.test]}}}}
{token}
backends: {{legacy: {{url: "http://127.0.0.1:1"}}, modern: {{url: "http://127.0.0.1:2"}}}}
cutovers: {{reads: {{from: legacy, to: modern, steps: [100], hold: 1m, sticky: [{sticky}], pin: [{pins}]}}}}
rules: [{{name: all, match: {{path: "/{{rest*}}"}}, forward: {{cutover: reads}}}}]
"""
PINS = """
{user_agent: {prefix: "bandersnatch/"}, arm: from},
{client: [10.0.0.0/8, "2001:db8::/32"], headers: {X-Beta: "1"}, arm: to},
{client: [10.0.0.0/8], arm: from}
"""


def cutover(pins: str = PINS, sticky: str = "client", token: str = "") -> Cutover:
    text = RULES.format(pins=pins, sticky=sticky, token=token)
    return parse_ruleset(text, "rules.yaml", base=Path("/srv")).cutovers[0]


@pytest.mark.parametrize(
    ("headers", "address", "number"),
    [
        ({"user-agent": "bandersnatch/6"}, "192.0.2.7", 0),
        ({"user-agent": "bandersnatch/6", "x-beta": "1"}, "10.1.2.3", 0),  # the first that fits
        ({"user-agent": "pip/24", "x-beta": "1"}, "10.1.2.3", 1),  # all of it must hold
        ({"x-beta": "1"}, "2001:db8::7", 1),
        ({"x-beta": "2"}, "10.1.2.3", 2),
        ({"x-beta": "1"}, "192.0.2.7", None),
        ({}, "unix", None),  # a client of a Unix socket has no address
        ({}, "2001:db8::7", None),
    ],
)
def test_of_the_pins_that_a_client_fits_the_first_counts(
    headers: dict[str, str], address: str, number: int | None
) -> None:
    pins = cutover().pins
    found = pin_of(pins, Facts(headers=headers, client=address))
    assert found == (None if number is None else pins[number])


def test_nobody_is_on_the_new_arm_by_a_pin_unless_the_cutover_is_started() -> None:
    old, new, _ = cutover().pins
    assert (side_by(old, is_started=False), side_by(old, is_started=True)) == (Side.OLD, Side.OLD)
    assert (side_by(new, is_started=False), side_by(new, is_started=True)) == (Side.OLD, Side.NEW)


@pytest.mark.parametrize(
    ("pins", "sticky", "token", "by_host"),
    [
        ("{client: [10.0.0.0/8], arm: to}, {user_agent: a, arm: from}", "client", "", False),
        ("{headers: {User-Agent: a}, arm: from}", "client", "", False),
        ("{headers: {X-Beta: a}, arm: from}", "client", "", True),
        ("{user_agent: a, arm: from}", "cookie:s", "", True),
        ("{user_agent: a, arm: from}", "client", "arm_token: arm.token", True),
    ],
)
def test_a_client_is_on_one_arm_everywhere_if_all_hosts_are_told_the_same(
    pins: str, sticky: str, token: str, by_host: bool
) -> None:
    assert is_known_by_host(cutover(pins, sticky, token)) == by_host


def test_where_a_pin_stands_makes_it_no_other_one() -> None:
    assert cutover().pins == cutover(f"\n\n\n{PINS}").pins
    assert cutover().pins != cutover(PINS.replace("arm: to", "arm: from")).pins
