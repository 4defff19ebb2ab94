"""What of a rule has to be walked, so that a rehearsal says something of it."""

from __future__ import annotations

import pytest
from rehearsing import Answers, rules, start, walked

from edgeproxy.cli.rehearsing.courses import Walked
from edgeproxy.cli.rehearsing.unwalked import unwalked
from edgeproxy.cli.rehearsing.walk import Course, Heard, Origin, Undecided, Walk
from edgeproxy.migration.comparing.outcomes import Fault, NoOutcome, Outcome, Result
from edgeproxy.ruleset.problems import Code

RULES = rules("""
{name: simple, match: {host: app, path: "/simple/{project}/", methods: [GET]}, forward: {cutover: reads}, fallback: {to: legacy, on: [5xx]}}
{name: moved, match: {host: app, path: "/moved/{rest*}"}, redirect: {to: "/{rest}", status: 302}}
{name: gone, match: {host: app, path: "/gone/{rest*}"}, respond: {status: 410}}
{name: later, match: {host: app, path: "/later/{rest*}"}, forward: {backend: modern}, off: it is not done}
{name: calls, match: {host: app, path: /pypi, methods: [POST], xmlrpc: [search]}, safety: safe, forward: {cutover: reads}}
{name: uploads, match: {host: app, path: /legacy/, methods: [POST]}, forward: {backend: modern}}
""")
SIX = "https://pypi.test/simple/six/"
NOWHERE: Answers = {}
OLD_ALONE: Answers = {"legacy /simple/six/": 200}
BOTH: Answers = {**OLD_ALONE, "modern /simple/six/": 200}


def missing(*walks: Walked) -> list[str]:
    """Of the rules but those of calls."""
    return [name for name in unwalked(RULES, walks, ()) if name != "calls"]


def six(origin: Origin, answers: Answers) -> Walked:
    return walked(RULES, start(RULES, SIX, origin=origin), answers)[0]


@pytest.mark.parametrize("origin", [Origin.MADE_UP, Origin.KNOWN, Origin.SPELLED])
def test_what_nobody_has_says_nothing_of_its_rule(origin: Origin) -> None:
    one = six(origin, NOWHERE)
    assert {walk.course for walk in one.walks} > {Course()}  # by each arm, and with the new one taken to fail
    said = unwalked(RULES, [one], ())["simple"]
    assert said.code is Code.UNWALKED_RULE
    assert said.place == RULES.rules[0].place
    assert said.message == "nothing real was walked of the rule 'simple'"
    assert said.why == f"GET {SIX}, {origin}, is 404: of what is there that says nothing."
    for way in ("--path", "`expect`", "--capture", "--allow-unwalked simple"):
        assert way in said.remedy
    assert missing(six(origin, {"legacy /simple/six/": 410, "modern /simple/six/": 410})) == ["simple"]


@pytest.mark.parametrize("origin", Origin)
def test_what_is_there_is_enough_wherever_it_is_from(origin: Origin) -> None:
    assert missing(six(origin, BOTH)) == []
    assert missing(six(Origin.MADE_UP, NOWHERE), six(origin, BOTH)) == []


@pytest.mark.parametrize("origin", [Origin.EXPECT, Origin.CAPTURED])
def test_what_somebody_means_may_be_nowhere(origin: Origin) -> None:
    assert missing(six(origin, NOWHERE)) == []


def test_a_rule_of_which_no_request_is_known_says_nothing_either() -> None:
    unfound = [(RULES.rules[0], "the rules before it take all that it could take")]
    said = unwalked(RULES, [], unfound)["simple"]
    assert said.why == "no request of it was found: the rules before it take all that it could take."


def test_what_the_edge_answers_and_what_nobody_may_send_needs_no_walk() -> None:
    own = [f"https://pypi.test/{path}/a" for path in ("moved", "gone")]
    walks = [walked(RULES, start(RULES, url, origin=Origin.MADE_UP), NOWHERE)[0] for url in own]
    upload = walked(RULES, start(RULES, "https://pypi.test/legacy/", "POST"), NOWHERE)[0]
    assert missing(*walks, upload, six(Origin.EXPECT, BOTH)) == []


def test_what_bounds_cut_off_is_said_elsewhere() -> None:
    begin = start(RULES, SIX, origin=Origin.MADE_UP)
    cut = Walk(begin, Course(), (), Undecided("2 requests were sent", is_bound=True))
    assert missing(Walked(begin, (cut,))) == []
    unknown = Walk(begin, Course(), (), Undecided("what a POST says in its body is not known"))
    assert missing(Walked(begin, (unknown,))) == ["simple"]


# -- refusals and what leads away -------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", Origin)
@pytest.mark.parametrize("status", [400, 401, 403, 429, 451])
def test_a_rule_that_is_refused_wherever_it_is_asked_is_a_problem_of_its_own(origin: Origin, status: int) -> None:
    said = unwalked(RULES, [six(origin, dict.fromkeys(BOTH, status))], ())["simple"]
    assert said.code is Code.REFUSED_RULE
    assert said.message == "every walk of the rule 'simple' was refused"
    assert said.why.startswith(f"GET {SIX} is {status} wherever it was asked: ")
    assert "--allow-unwalked simple" in said.remedy


def test_one_that_is_let_through_is_enough() -> None:
    refused = six(Origin.EXPECT, dict.fromkeys(BOTH, 403))
    assert missing(refused, six(Origin.KNOWN, BOTH)) == []
    assert missing(refused, six(Origin.EXPECT, NOWHERE)) == []


def test_a_made_up_path_has_to_come_to_an_end() -> None:
    there = {"legacy /simple/six/": "/simple/seven/", "modern /simple/six/": "/simple/seven/"}
    assert missing(six(Origin.MADE_UP, {**there, "legacy /simple/seven/": 200})) == []
    assert missing(six(Origin.MADE_UP, there)) == ["simple"]
    away = dict.fromkeys(BOTH, "https://cdn.test/six/")
    assert missing(six(Origin.MADE_UP, away)) == ["simple"]
    assert missing(six(Origin.EXPECT, away)) == []
    assert missing(six(Origin.MADE_UP, dict.fromkeys(BOTH, 304))) == ["simple"]
    assert missing(six(Origin.MADE_UP, dict.fromkeys(BOTH, 500))) == []  # told by itself


# -- calls ------------------------------------------------------------------------------------------------------------


def call(origin: Origin, outcome: Outcome, body: str | None = None) -> Walked:
    begin = start(RULES, "https://pypi.test/pypi", "POST", call="search", origin=origin, body=body)
    said = Heard(200, content_type="text/xml", outcome=outcome)
    return walked(RULES, begin, {"legacy /pypi": said, "modern /pypi": said})[0]


@pytest.mark.parametrize("origin", Origin)
@pytest.mark.parametrize("outcome", [Fault("1", "no"), NoOutcome("it is HTML")])
def test_a_fault_is_nothing_real_of_anything(origin: Origin, outcome: Outcome) -> None:
    said = unwalked(RULES, [call(origin, outcome), call(origin, outcome, "<methodCall/>")], ())["calls"]
    assert said.code is Code.UNWALKED_RULE
    assert str(outcome) in said.why
    assert said.why.endswith("It was called without parameters.")
    assert "`with xmlrpc search [...]`" in said.remedy
    assert "calls" not in unwalked(RULES, [call(origin, outcome), call(origin, Result())], ())
