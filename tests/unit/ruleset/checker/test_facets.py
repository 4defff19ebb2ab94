"""A ruleset's facets: one representative for each set of requests that no rule tells apart."""

from __future__ import annotations

import re
from ipaddress import ip_network
from pathlib import Path

import pytest

from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.checker.boxes import Box, cells, first_point, includes, meet, minus, outside_all, points
from edgeproxy.ruleset.checker.clients import clients
from edgeproxy.ruleset.checker.facets import Dimension, Facets, Header, Parameter
from edgeproxy.ruleset.checker.moments import moments
from edgeproxy.ruleset.checker.values import ANY_HEADER, ANY_PARAMETER, Texts
from edgeproxy.ruleset.conditions import is_open
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.matching import Begins, Matches, OneOf, Presence, Window

RULES = """
edge: 1
listen: [{address: "127.0.0.1:8080"}]
hosts: {app: {names: [pypi.test, www.pypi.test]}, legacy: {names: [legacy.pypi.test]}}
rules: [{name: all, match: {host: app, path: "/{rest*}", methods: [GET, HEAD]}, respond: {status: 204}}]
"""


def matches(regex: str) -> Matches:
    return Matches(regex, lambda value: re.fullmatch(regex, value) is not None)


def facets() -> Facets:
    return Facets(parse_ruleset(RULES, "rules.yaml", base=Path("/srv")))


def test_the_nicest_request_is_a_plain_get_by_https() -> None:
    made = facets()
    assert str(made.asked(made.universe, "/a")) == "GET https://pypi.test/a"


def test_a_match_is_a_box() -> None:
    ruleset = parse_ruleset(RULES, "rules.yaml", base=Path("/srv"))
    made = Facets(ruleset)
    box = made.box(ruleset.rules[0].match)
    assert box is not None
    asked = [made.asked(point, "/") for point in points(box)]
    assert {each.host for each in asked} == {"pypi.test", "www.pypi.test"}
    assert {each.method for each in asked} == {"GET", "HEAD"}
    assert {each.scheme for each in asked} == set(Scheme)


def test_a_box_without_a_value_is_none() -> None:
    made = facets()
    assert made.with_masks(made.universe, {Dimension.SCHEME: 0}) is None
    assert made.with_masks(made.universe, {Header("accept"): 0, Parameter("q"): 0}) == made.universe


def test_values_are_parted_by_what_conditions_say_of_them() -> None:
    texts = Texts([OneOf(frozenset({"1"})), Begins("pip/"), matches("[a-z]+/.*"), Presence(wanted=False)], ANY_HEADER)
    assert texts.values[:2] == (None, "1")
    others = texts.values[2:]
    assert len(others) == 3
    assert {(bool(re.match("pip/", str(v))), bool(re.match("[a-z]+/", str(v)))) for v in others} == {
        (True, True),
        (False, True),
        (False, False),
    }


def test_a_value_that_no_condition_knows_has_its_like() -> None:
    texts = Texts([Begins("pip/")], ANY_PARAMETER, literals=["uv"])
    assert texts.mask_of("pip/24.0") == texts.mask(Begins("pip/"))
    assert texts.mask_of("uv") == 1 << texts.values.index("uv")
    assert texts.mask_of(None) == 1


def test_an_atom_that_is_only_named_values_has_no_witness_beside_them() -> None:
    texts = Texts([OneOf(frozenset({"a", "b"})), matches("[ab]")], ANY_PARAMETER)
    assert sorted(v for v in texts.values if v in ("a", "b")) == ["a", "b"]
    assert len(texts.values) == 4


def test_expressions_that_cross_have_a_value_for_each_combination() -> None:
    names = ["google", "bing", "pip", "twine", "uv", "poetry"]
    found = Texts([matches(f".*{name}.*") for name in names], ANY_HEADER).values[1:]
    held = {tuple(name in str(value) for name in names) for value in found}
    assert len(held) == len(found) == 2 ** len(names)
    assert "" not in found


def test_too_many_kinds_of_value_are_refused() -> None:
    with pytest.raises(Unsupported, match="more than 1024 kinds"):
        Texts([matches(f".*{character}.*") for character in "abcdefghijk"], ANY_HEADER)


def test_each_network_has_an_address_that_is_in_none_inside_it() -> None:
    networks = [ip_network(each) for each in ("10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9", "127.0.0.0/8", "::1/128")]
    found = clients(networks)
    assert found == ("192.0.2.1", "2001:db8::1", "10.0.0.1", "10.128.0.1", "127.0.0.1", "::1", "")


def test_a_network_of_everything_leaves_nothing_outside() -> None:
    assert clients([ip_network("0.0.0.0/0")]) == ("2001:db8::1", "0.0.0.1", "")


def test_a_moment_for_each_combination_of_windows() -> None:
    brownout = Window(start=1_725_537_600.0, each=3600.0, first=600.0)
    retired = Window(start=1_730_000_000.0)
    found = moments([brownout, retired])
    assert {(is_open(brownout, at), is_open(retired, at)) for at in found} == {
        (False, False),
        (True, False),
        (False, True),
        (True, True),
    }
    assert len(found) == 4


def test_windows_that_take_turns_have_no_moment_without_one() -> None:
    first, second = Window(each=3600.0, first=1800.0), Window(each=3600.0, after=1800.0, first=1800.0)
    assert len(moments([first, second])) == 2


def test_boxes_are_parted_without_loss() -> None:
    whole: Box = (0b111, 0b11, 0b1)
    part: Box = (0b010, 0b01, 0b1)
    rest = minus(whole, part)
    found = [point for box in (*rest, part) for point in points(box)]
    assert sorted(found) == sorted(points(whole))
    assert all(meet(box, part) is None for box in rest)
    assert outside_all(whole, [*rest, part]) == []
    assert first_point(whole) == (1, 1, 1)


def test_cells_say_who_holds_them() -> None:
    whole: Box = (0b1111,)
    found = dict(cells(whole, [(0b0011,), (0b0110,)]))
    assert found == {(0b0010,): (0, 1), (0b0001,): (0,), (0b0100,): (1,), (0b1000,): ()}
    assert includes(whole, (0b1,))
