"""What is ahead of rules with a `during`: openings, joined where they meet, of each rule and of all together."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.matching import Window
from edgeproxy.ruleset.schedule import Opening, Schedule, openings, schedule

HOUR, DAY = 3_600.0, 86_400.0
TEN_MINUTES = Window(each=HOUR, first=600.0)
HALF = Window(each=HOUR, first=HOUR / 2)
OTHER_HALF = Window(each=HOUR, after=HOUR / 2, first=HOUR / 2)


@pytest.mark.parametrize(
    ("windows", "begin", "found"),
    [
        pytest.param((TEN_MINUTES,), 700.0, [Opening(HOUR, HOUR + 600)], id="one that comes"),
        pytest.param(
            (TEN_MINUTES,), 60.0, [Opening(None, 600.0), Opening(HOUR, HOUR + 600)], id="one that is open, and the next"
        ),
        pytest.param((TEN_MINUTES,), 600.0, [Opening(HOUR, HOUR + 600)], id="one that ends as it begins"),
        pytest.param(
            (TEN_MINUTES, Window(each=HOUR, after=300.0, first=600.0)),
            1_000.0,
            [Opening(HOUR, HOUR + 900)],
            id="two that overlap are one",
        ),
        pytest.param(
            (TEN_MINUTES, Window(each=HOUR, after=600.0, first=600.0)),
            1_300.0,
            [Opening(HOUR, HOUR + 1_200)],
            id="two that meet are one",
        ),
        pytest.param((Window(end=50.0),), 60.0, [], id="one that has ended"),
        pytest.param((Window(start=2 * DAY),), 60.0, [], id="one that begins later"),
        pytest.param((Window(start=100.0),), 60.0, [Opening(100.0, None, for_good=True)], id="one without an end"),
        pytest.param(
            (Window(start=100.0, end=3 * DAY),), 60.0, [Opening(100.0, 3 * DAY)], id="one that ends after all this"
        ),
        pytest.param((HALF, OTHER_HALF), 60.0, [Opening(None, None)], id="two that are open for ever, by turns"),
    ],
)
def test_the_openings_of_some_windows(windows: tuple[Window, ...], begin: float, found: list[Opening]) -> None:
    assert openings(windows, begin, 2 * HOUR, 10) == (tuple(found), False)


def test_what_is_told_is_bounded_and_says_so() -> None:
    found, more = openings((TEN_MINUTES,), 0.0, DAY, 5)
    assert (len(found), more) == (5, True)
    assert openings((TEN_MINUTES,), 0.0, DAY, 24)[1] is False


RULES = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
rules:
  - {name: search, match: {path: /search}, during: {first: 20m, of_each: 1h, until: 1970-01-02}, respond: {status: 503}}
  - {name: lists, match: {path: /lists}, during: {first: 15m, after: 15m, of_each: 1h}, respond: {status: 503}}
  - {name: late, match: {path: /late}, during: {from: 1970-03-01}, respond: {status: 410}}
  - {name: was, match: {path: /was}, during: {until: 1970-01-01T00:01Z}, respond: {status: 410}}
  - {name: beta, match: {path: /beta}, during: {from: 1970-01-01}, off: "not yet", respond: {status: 410}}
  - {name: rest, match: {path: "/{rest*}"}, respond: {status: 404}}
"""


def planned(begin: float, until: float, most: int = 1_000) -> Schedule:
    return schedule(parse_ruleset(RULES, "rules.yaml", base=Path.cwd()), begin, until, most)


def test_each_rule_has_its_own_and_what_has_none_says_when_it_begins_or_that_it_is_over() -> None:
    told = planned(HOUR - 1, 2 * HOUR)
    assert [each.rule.name for each in told.courses] == ["search", "lists", "late", "was", "beta"]
    search, lists, late, was, beta = told.courses
    assert search.openings == (Opening(HOUR, HOUR + 1_200),)
    assert lists.openings == (Opening(HOUR + 900, HOUR + 1_800),)
    assert (late.openings, late.later) == ((), 59 * DAY)
    assert (was.openings, was.later) == ((), None)
    assert (beta.openings, beta.rule.off) == ((), "not yet")  # which takes nothing, whatever the time


def test_all_together_overlapping_rules_are_one_opening_with_what_is_open_at_once() -> None:
    (joined,) = planned(HOUR - 1, 2 * HOUR).together
    assert joined.opening == Opening(HOUR, HOUR + 1_800)
    assert (joined.rules, joined.at_once) == (("search", "lists"), 300.0)


def test_what_is_open_now_is_together_from_before_and_counted_from_now() -> None:
    (joined, *_) = planned(1_000.0, HOUR).together
    assert (joined.opening, joined.rules, joined.at_once) == (Opening(None, 1_800.0), ("search", "lists"), 200.0)


def test_together_ends_where_not_all_of_a_rule_is_known() -> None:
    told = planned(HOUR - 1, 4 * HOUR, most=2)
    assert [each.more for each in told.courses] == [True, True, False, False, False]
    assert ([each.opening.start for each in told.together], told.more) == ([HOUR, 2 * HOUR], True)
