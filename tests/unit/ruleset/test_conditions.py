"""What the parts of a match mean: when each holds, and when it does not."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.conditions import captures_of, fulfils, holds, is_open, is_so, parameters, suits, takes
from edgeproxy.ruleset.matching import (
    NO_FACTS,
    Among,
    Begins,
    CallIs,
    ClientIn,
    Facts,
    Fits,
    Form,
    HeaderIs,
    InForm,
    Match,
    Matches,
    OneOf,
    ParameterIs,
    Predicate,
    Presence,
    ValueMatch,
    Where,
    Window,
)
from edgeproxy.ruleset.model import RedirectMap, Respond, Rule
from edgeproxy.ruleset.moves import Moves
from edgeproxy.ruleset.origins import Host, HostKind
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.read_path import parse_path_template
from edgeproxy.ruleset.regex import read_regex, whole_matcher

APP = Host("app", ("pypi.test",), HostKind.APP)
SHELTER = Respond(404, (), b"")
HOUR = 3600.0
NOON = datetime(2024, 9, 5, 12, tzinfo=UTC).timestamp()


def matches(regex: str) -> Matches:
    return Matches(regex, whole_matcher(read_regex(regex)))


def fits(regex: str, wanted: bool = True) -> Fits:
    return Fits(regex, wanted, whole_matcher(read_regex(regex)))


def rule_of(match: Match, off: str | None = None, moves: Moves | None = None) -> Rule:
    action = SHELTER if moves is None else RedirectMap(moves, 301, None)
    return Rule("a", 0, match, action, Place("rules.yaml", 1, 1), off=off)


def match_of(path: str = "/{a}", where: tuple[Where, ...] = ()) -> Match:
    return Match((APP,), parse_path_template(path), frozenset(), where=where)


# -- values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "value", "holding"),
    [
        (OneOf(frozenset({"rss", "atom"})), "rss", True),
        (OneOf(frozenset({"rss", "atom"})), "RSS", False),
        (OneOf(frozenset({"rss", "atom"})), None, False),
        (OneOf(frozenset({""})), "", True),
        (OneOf(frozenset({""})), None, False),
        (Begins("pip/"), "pip/26.3", True),
        (Begins("pip/"), "uv/pip/", False),
        (Begins("pip/"), "pip", False),
        (Begins("pip/"), None, False),
        (matches("[0-9]+"), "12", True),
        (matches("[0-9]+"), "12a", False),
        (matches("[0-9]+"), "a12", False),
        (matches("[0-9]+"), None, False),
        (matches(".*"), "", True),
        (matches(".*"), None, False),
        (matches("é.*"), "école", True),
        (matches("."), "\udcff", True),  # what a terminal gave that was not UTF-8
        (Presence(True), "", True),
        (Presence(True), None, False),
        (Presence(False), None, True),
        (Presence(False), "", False),
    ],
)
def test_a_value_suits(wanted: ValueMatch, value: str | None, holding: bool) -> None:
    assert suits(wanted, value) is holding


# -- the query ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (None, {}),
        ("", {}),
        ("a=1", {"a": "1"}),
        ("a=1&a=2", {"a": "1"}),
        ("a&a=2", {"a": ""}),
        ("a=&b", {"a": "", "b": ""}),
        ("a=b=c", {"a": "b=c"}),
        ("&&a=1&", {"a": "1"}),
        ("=1", {"": "1"}),
        ("%3Aaction=rss", {":action": "rss"}),
        (":action=rss&%3aaction=doap", {":action": "rss"}),
        ("a+b=c+d", {"a b": "c d"}),
        ("a%2Bb=c%2Bd", {"a+b": "c+d"}),
        ("a=%26%3D", {"a": "&="}),
        ("a=%C3%A9", {"a": "é"}),
        ("a=%ff%zz", {"a": "\ufffd%zz"}),
        ("a;b=1", {"a;b": "1"}),
        ("A=1&a=2", {"A": "1", "a": "2"}),
    ],
)
def test_a_query_is_read_as_a_form_and_the_first_of_a_name_counts(query: str | None, found: dict[str, str]) -> None:
    assert parameters(query) == found


def test_a_parameter_is_compared_decoded() -> None:
    feed = ParameterIs(":action", OneOf(frozenset({"rss"})))
    assert holds(feed, Facts(query="%3Aaction=rss"))
    assert not holds(feed, Facts(query="%3Aaction=doap&%3Aaction=rss"))
    assert not holds(feed, NO_FACTS)
    assert holds(ParameterIs("q", Presence(False)), Facts(query="p=q"))
    assert holds(ParameterIs("q", Presence(True)), Facts(query="q"))


# -- headers, clients, calls ----------------------------------------------------------------------------------------


def test_a_header_holds_by_its_value_or_by_being_there() -> None:
    facts = Facts(headers={"accept": "text/html, application/json", "x-empty": ""})
    assert holds(HeaderIs("accept", matches(".*json.*")), facts)
    assert not holds(HeaderIs("accept", OneOf(frozenset({"text/html"}))), facts)
    assert holds(HeaderIs("x-empty", Presence(True)), facts)
    assert not holds(HeaderIs("x-empty", Presence(False)), facts)
    assert holds(HeaderIs("cookie", Presence(False)), facts)
    assert not holds(HeaderIs("cookie", Presence(True)), facts)


@pytest.mark.parametrize(
    ("client", "holding"),
    [
        ("10.0.0.0", True),
        ("10.255.255.255", True),
        ("11.0.0.0", False),
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("2001:db8::1", True),
        ("2001:db9::", False),
        ("::", False),
        ("", False),
        ("unix", False),
    ],
)
def test_a_client_is_in_a_network_by_its_address_and_one_of_a_unix_socket_in_none(client: str, holding: bool) -> None:
    networks = (ip_network("10.0.0.0/8"), ip_network("192.0.2.7/32"), ip_network("2001:db8::/32"))
    assert holds(ClientIn(networks), Facts(client=client)) is holding


def test_the_network_of_all_addresses_does_not_hold_a_unix_socket_s_client() -> None:
    everybody = ClientIn((ip_network("0.0.0.0/0"), ip_network("::/0")))
    assert holds(everybody, Facts(client="192.0.2.7"))
    assert not holds(everybody, Facts(client=""))


def test_a_call_is_one_of_the_methods_or_any_when_none_is_named() -> None:
    search, any_call = CallIs(frozenset({"search"})), CallIs(None)
    assert [holds(search, Facts(call=call)) for call in ("search", "list_packages", "", None)] == [
        True,
        False,
        False,
        False,
    ]
    assert [holds(any_call, Facts(call=call)) for call in ("search", "", None)] == [True, True, False]


# -- predicates on captures -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("predicate", "value", "holding"),
    [
        (InForm(Form.PEP503, True), "zope-interface", True),
        (InForm(Form.PEP503, True), "zope.interface", False),
        (InForm(Form.PEP503, True), "zope--interface", False),
        (InForm(Form.PEP503, True), "Flask", False),
        (InForm(Form.PEP503, False), "Flask", True),
        (InForm(Form.PEP503, False), "flask", False),
        (InForm(Form.PEP503, True), "a/b", True),
        (InForm(Form.PEP503, True), "caf%C3%A9", True),
        (InForm(Form.LOWER, True), "zope.interface", True),
        (InForm(Form.LOWER, True), "caf%C3%89", True),  # filters know the letters of ASCII alone
        (InForm(Form.LOWER, True), "%25", True),
        (InForm(Form.LOWER, True), "", True),
        (InForm(Form.LOWER, False), "X", True),
        (Among(frozenset({"json", "doap"}), True), "json", True),
        (Among(frozenset({"json", "doap"}), True), "1.0", False),
        (Among(frozenset({"json", "doap"}), False), "1.0", True),
        (Among(frozenset({"json", "doap"}), False), "doap", False),
        (fits("[0-9.]+"), "1.0", True),
        (fits("[0-9.]+"), "1.0a", False),
        (fits("[0-9.]+", False), "1.0a", True),
        (fits("[0-9.]+", False), "1.0", False),
        (fits("caf%C3%A9"), "caf%C3%A9", True),
    ],
)
def test_a_capture_is_as_a_predicate_says(predicate: Predicate, value: str, holding: bool) -> None:
    assert is_so(predicate, value) is holding


def test_all_predicates_must_hold() -> None:
    where = (Where("a", InForm(Form.LOWER, True)), Where("a", Among(frozenset({"json"}), False)), Where("b", fits("x")))
    assert fulfils(where, {"a": "flask", "b": "x"})
    assert not fulfils(where, {"a": "json", "b": "x"})
    assert not fulfils(where, {"a": "flask", "b": "y"})
    assert fulfils((), {})


def test_a_rule_captures_only_where_its_predicates_hold() -> None:
    rule = rule_of(match_of("/simple/{project}/", (Where("project", InForm(Form.PEP503, False)),)))
    assert captures_of(rule, "/simple/Flask/") == {"project": "Flask"}
    assert captures_of(rule, "/simple/flask/") is None
    assert captures_of(rule, "/simple/Flask") is None


def test_a_map_takes_the_paths_that_it_has() -> None:
    rule = rule_of(match_of("/{rest*}"), moves=Moves(Path("moves.csv"), {"/old": "/new"}))
    assert captures_of(rule, "/old") == {"rest": "old"}
    assert captures_of(rule, "/other") is None


# -- windows --------------------------------------------------------------------------------------------------------


def test_a_window_is_open_from_its_start_and_no_more_at_its_end() -> None:
    window = Window(start=NOON, end=NOON + HOUR)
    moments = (NOON - 0.001, NOON, NOON + HOUR - 0.001, NOON + HOUR)
    assert [is_open(window, now) for now in moments] == [False, True, True, False]


def test_a_window_without_bounds_is_open_on_their_side() -> None:
    assert is_open(Window(), -1.0)
    assert is_open(Window(start=NOON), NOON + 1e9)
    assert is_open(Window(end=NOON), -1e9)


@pytest.mark.parametrize(
    ("offset", "holding"),
    [(0, False), (1799.999, False), (1800, True), (2399.999, True), (2400, False), (3600, False), (5400, True)],
)
def test_a_recurring_window_is_so_much_of_each_period_after_its_beginning(offset: float, holding: bool) -> None:
    assert is_open(Window(each=HOUR, after=1800.0, first=600.0), NOON + offset) is holding


def test_periods_are_those_of_utc_wherever_a_window_begins() -> None:
    window = Window(start=NOON + 1500, each=HOUR, first=1800.0)
    moments = (NOON + 1499, NOON + 1500, NOON + 1800, NOON + HOUR)
    assert [is_open(window, now) for now in moments] == [False, True, False, True]
    midnight = datetime(2024, 9, 6, tzinfo=UTC).timestamp()
    daily = Window(each=24 * HOUR, first=60.0)
    assert [is_open(daily, now) for now in (midnight - 1, midnight, midnight + 60)] == [False, True, False]


def test_a_window_that_fills_its_period_is_always_open() -> None:
    window = Window(each=HOUR, first=HOUR)
    assert all(is_open(window, NOON + offset) for offset in (0.0, 1.0, HOUR - 0.001, HOUR))


def test_periods_go_back_before_the_epoch() -> None:
    window = Window(each=HOUR, first=600.0)
    assert [is_open(window, now) for now in (-HOUR, -HOUR + 599, -HOUR + 600, -1.0, 0.0)] == [
        True,
        True,
        False,
        False,
        True,
    ]


# -- rules ----------------------------------------------------------------------------------------------------------


def test_a_rule_takes_what_fits_its_methods_schemes_windows_and_conditions() -> None:
    match = Match(
        (APP,),
        parse_path_template("/a"),
        frozenset({"GET"}),
        frozenset({Scheme.HTTPS}),
        (),
        (ParameterIs("q", Presence(True)), HeaderIs("x", Presence(False))),
        (Window(end=NOON), Window(start=NOON + HOUR)),
    )
    rule, good = rule_of(match), Facts(query="q", now=NOON - 1)
    assert takes(rule, "GET", Scheme.HTTPS, good)
    assert takes(rule, "GET", Scheme.HTTPS, Facts(query="q", now=NOON + HOUR))
    assert not takes(rule, "HEAD", Scheme.HTTPS, good)
    assert not takes(rule, "GET", Scheme.HTTP, good)
    assert not takes(rule, "GET", Scheme.HTTPS, Facts(query="q", now=NOON))
    assert not takes(rule, "GET", Scheme.HTTPS, Facts(query="p", now=NOON - 1))
    assert not takes(rule, "GET", Scheme.HTTPS, Facts(query="q", headers={"x": ""}, now=NOON - 1))


def test_a_rule_that_says_nothing_takes_everything() -> None:
    assert takes(rule_of(match_of()), "PROPFIND", Scheme.HTTP, NO_FACTS)


def test_a_rule_that_is_off_takes_nothing() -> None:
    assert not takes(rule_of(match_of(), off="until the beta is back"), "GET", Scheme.HTTP, NO_FACTS)
