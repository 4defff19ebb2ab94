"""What of a rule has to be walked, so that a rehearsal says something of it."""

from __future__ import annotations

import pytest
from rehearsing import Answers, rules, start, walked

from edgeproxy.cli.rehearsing.courses import Walked
from edgeproxy.cli.rehearsing.unwalked import unwalked
from edgeproxy.cli.rehearsing.walk import Course, Origin, Undecided, Walk
from edgeproxy.ruleset.problems import Code

RULES = rules("""
{name: simple, match: {host: app, path: "/simple/{project}/", methods: [GET]}, forward: {cutover: reads}, fallback: {to: legacy, on: [5xx]}}
{name: moved, match: {host: app, path: "/moved/{rest*}"}, redirect: {to: "/{rest}", status: 302}}
{name: gone, match: {host: app, path: "/gone/{rest*}"}, respond: {status: 410}}
{name: later, match: {host: app, path: "/later/{rest*}"}, forward: {backend: modern}, off: it is not done}
{name: uploads, match: {host: app, path: /legacy/, methods: [POST]}, forward: {backend: modern}}
""")
SIX = "https://pypi.test/simple/six/"
NOWHERE: Answers = {}
OLD_ALONE: Answers = {"legacy /simple/six/": 200}
BOTH: Answers = {**OLD_ALONE, "modern /simple/six/": 200}


def missing(*walks: Walked) -> list[str]:
    return list(unwalked(RULES, walks, ()))


def six(origin: Origin, answers: Answers) -> Walked:
    return walked(RULES, start(RULES, SIX, origin=origin), answers)[0]


@pytest.mark.parametrize("origin", [Origin.MADE_UP, Origin.KNOWN, Origin.SPELLED])
def test_what_nobody_has_says_nothing_of_its_rule(origin: Origin) -> None:
    one = six(origin, NOWHERE)
    assert {walk.course for walk in one.walks} > {Course()}  # by each arm, and with the new one taken to fail
    (said,) = unwalked(RULES, [one], ()).values()
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
    (said,) = unwalked(RULES, [], [(RULES.rules[0], "the rules before it take all that it could take")]).values()
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
