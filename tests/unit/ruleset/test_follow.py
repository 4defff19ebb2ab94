"""The walk of the loop guard as a table: a backend's redirect, and whether it comes back by this ruleset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from edgeproxy.http.target import Scheme, parse_target
from edgeproxy.ruleset.arms import Cutover, Split
from edgeproxy.ruleset.follow import MOST_HOPS, Redirection, follow
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.matching import Condition, Facts, HeaderIs, OneOf, ParameterIs, Presence, Window
from edgeproxy.ruleset.model import RedirectMap, Rule, Ruleset
from edgeproxy.ruleset.modifiers import DROP_QUERY, Modifiers, QueryPolicy, Rewrite
from edgeproxy.ruleset.moves import Moves
from edgeproxy.ruleset.origins import Backend, Declarations, DeclaredRedirect, HttpBackend
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Hop
from edgeproxy.ruleset.read_path import parse_path_template
from edgeproxy.ruleset.read_target import parse_target_template
from edgeproxy.ruleset.router import Router

RULES = """
edge: 1
listen: [{address: "127.0.0.1:8080"}, {address: "unix:/run/edge.sock"}]
hosts:
  app: {names: [pypi.test, www.pypi.test]}
  legacy: {names: [legacy.pypi.test]}
  content: {names: [files.pypihosted.test], kind: content}
backends:
  old: {url: "http://127.0.0.1:1"}
  new: {url: "http://127.0.0.1:2"}
  store: {directory: ./files}
splits:
  reads: {weights: {old: 50, new: 50}, sticky: [header:X-Arm]}
rules:
  - {name: to-files, match: {host: app, path: "/packages/{rest*}"}, redirect: {to: "http://files.pypihosted.test/packages/{rest}", status: 301}}
  - {name: to-app, match: {host: legacy, path: "/packages/{rest*}"}, redirect: {to: "http://pypi.test/packages/{rest}", status: 308}}
  - {name: lower, match: {host: app, path: "/simple/{name}"}, redirect: {to: "/simple/{name|lower}/", status: 301}}
  - {name: bounce, match: {host: legacy, path: "/bounce"}, respond: {status: 302, headers: {Location: "http://pypi.test/bounce"}}}
  - {name: cookie, match: {host: legacy, path: "/cookie"}, respond: {status: 302, headers: {Location: "http://pypi.test/cookie", Set-Cookie: a=b}}}
  - {name: blank, match: {host: legacy, path: "/blank"}, respond: {status: 302}}
  - {name: gone, match: {host: legacy, path: "/gone"}, respond: {status: 410, headers: {Location: "http://pypi.test/gone"}}}
  - {name: folder, match: {host: legacy, path: "/folder"}, files: {directory: ./folder}}
  - {name: map, match: {host: legacy, path: "/map/{rest*}"}, redirect: {to: "/map", status: 301}}
  - {name: dropping, match: {host: legacy, path: "/dropping"}, redirect: {to: "http://pypi.test/page", status: 302}}
  - {name: keeping, match: {host: legacy, path: "/keeping"}, redirect: {to: "http://pypi.test/page", status: 302}}
  - {name: choosy, match: {host: legacy, path: "/choosy"}, redirect: {to: "http://pypi.test/choosy", status: 302}}
  - {name: secret, match: {host: legacy, path: "/secret"}, redirect: {to: "http://pypi.test/secret", status: 302}}
  - {name: secret-here, match: {host: legacy, path: "/here"}, redirect: {to: "/here/back", status: 302}}
  - {name: asked, match: {host: legacy, path: "/asked"}, redirect: {to: "http://pypi.test/asked", status: 302}}
  - {name: now, match: {host: legacy, path: "/now"}, redirect: {to: "http://pypi.test/now", status: 302}}
  - {name: relocated, match: {host: legacy, path: "/relocated"}, respond: {status: 302}}
  - {name: post-only, match: {host: legacy, path: "/post", methods: [POST]}, redirect: {to: "http://pypi.test/post", status: 307}}
  - {name: longer, match: {host: legacy, path: "/longer/{rest*}"}, redirect: {to: "/longer/x/{rest}", status: 301}}
  - {name: circle, match: {host: legacy, path: "/circle/a"}, redirect: {to: "/circle/b", status: 301}}
  - {name: circle-back, match: {host: legacy, path: "/circle/b"}, redirect: {to: "/circle/a", status: 301}}
  - {name: moved, match: {host: legacy, path: "/moved/{rest*}"}, forward: {backend: new}}
  - {name: arms, match: {host: legacy, path: "/arms/{rest*}"}, forward: {split: reads}}
  - {name: rest, match: {path: "/{rest*}"}, forward: {backend: old}}
"""
PLACE = Place("rules.yaml", 1, 1)
FIRST = "backend old (rule rest)"


def with_condition(*conditions: Condition) -> Mapping[str, object]:
    return {"conditions": conditions}


MATCHES: Mapping[str, Mapping[str, object]] = {
    "choosy": with_condition(HeaderIs("user-agent", OneOf(frozenset({"pip"})))),
    "secret": with_condition(HeaderIs("authorization", Presence(True))),
    "secret-here": with_condition(HeaderIs("authorization", Presence(True))),
    "asked": with_condition(ParameterIs("q", OneOf(frozenset({"1"})))),
    "now": {"during": (Window(end=100.0),)},
}
MODIFIERS = {
    "dropping": Modifiers(query=DROP_QUERY),
    "keeping": Modifiers(query=QueryPolicy(frozenset({"q"}))),
    "relocated": Modifiers(rewrite=Rewrite(answer_headers=(("Location", "http://pypi.test/relocated"),))),
    "moved": Modifiers(
        rewrite=Rewrite(path=parse_target_template("/new/{rest}", parse_path_template("/moved/{rest*}")))
    ),
}


def declared(path: str, to: str, **more: object) -> DeclaredRedirect:
    template = parse_path_template(path)
    plain = DeclaredRedirect(
        template, frozenset({"GET", "HEAD"}), (), (), parse_target_template(to, template), 302, None, PLACE
    )
    return replace(plain, **more)  # type: ignore[arg-type]


NEW = Declarations(
    (
        declared("/new/{page}", "http://pypi.test/moved/{page}"),
        declared("/arms/{page}", "http://pypi.test/arms/{page}"),
        declared("/arms/asked/{page}", "http://pypi.test/", query=(ParameterIs("q", Presence(True)),)),
    )
)


def finished(rule: Rule, backends: Mapping[str, Backend]) -> Rule:
    """A rule with what only values say here."""
    match = replace(rule.match, **MATCHES.get(rule.name, {}))  # type: ignore[arg-type]
    action = rule.action
    if rule.name == "map":
        action = RedirectMap(Moves(Path("map.csv"), {"/map/a": "http://pypi.test/a"}), 301, None)
    if rule.name == "moved":
        action = replace(action, to=backends["new"])  # type: ignore[call-arg]
    return replace(rule, match=match, action=action, modifiers=MODIFIERS.get(rule.name, rule.modifiers))


@pytest.fixture(scope="module")
def ruleset() -> Ruleset:
    parsed = parse_ruleset(RULES, "rules.yaml", base=Path())
    backends = {each.name: each for each in parsed.backends}
    new = backends["new"]
    assert isinstance(new, HttpBackend)
    backends["new"] = replace(new, declares=NEW)
    rules = tuple(finished(rule, backends) for rule in parsed.rules)
    return replace(parsed, backends=tuple(backends.values()), rules=rules, router=Router(parsed.hosts, rules))


@dataclass(frozen=True)
class Case:
    """A request, its backend's redirect, and the hops of the loop as `STATUS LOCATION by WHO`; none: it is no loop."""

    asked: str
    status: int
    location: str
    hops: Sequence[str] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    now: float = 0.0
    sets_cookie: bool = False

    def __str__(self) -> str:
        return f"{self.asked} {self.status} {self.location}"


def walk(ruleset: Ruleset, case: Case) -> tuple[Hop, ...] | None:
    method, url = case.asked.split(" ")
    asked = parse_target(url, None, Scheme(url.partition(":")[0]))
    facts = Facts(asked.query, case.headers, "192.0.2.7", None, case.now)
    first = Redirection(FIRST, PLACE, case.status, case.location, case.sets_cookie)

    def arm_of(to: Split | Cutover) -> Backend:
        new = next(each for each in ruleset.backends if each.name == "new")
        return new if case.headers.get("x-arm") == "new" else ruleset.backends[0]

    return follow(ruleset, method, asked, facts, first, arm_of)


def told(case: Case) -> list[str]:
    """The first hop is always the backend's."""
    return [f"{case.status} {case.location} by {FIRST}", *case.hops]


ALONE = (  # the redirect of the backend is the whole loop: it leads to what was asked for
    Case("GET http://pypi.test/a", 302, "http://pypi.test/a"),
    Case("GET http://pypi.test/a", 301, "/a"),
    Case("GET http://pypi.test/a", 301, "a"),
    Case("GET http://pypi.test/a", 301, "./a"),
    Case("GET http://pypi.test/a/b/", 301, "../b/"),
    Case("GET http://pypi.test/a", 307, "//pypi.test/a"),
    Case("GET http://pypi.test/a", 308, "HTTP://PYPI.TEST./%61"),
    Case("GET http://pypi.test/a", 302, "http://pypi.test:80/a#fragment"),
    Case("GET http://pypi.test:8080/a", 302, "http://pypi.test/a"),
    Case("GET http://pypi.test/a", 302, "http://pypi.test:8080/a"),
    Case("GET http://pypi.test:81/a", 302, "http://pypi.test:81/a"),
    Case("GET https://pypi.test/a", 301, "https://pypi.test:443/a"),
    Case("GET http://pypi.test/a?q=1", 302, "?q=1"),
    Case("GET http://pypi.test/a?q=1", 302, "#top"),
    Case("GET http://pypi.test/a?q=1", 302, "/a?q=1"),
    Case("GET http://pypi.test/a", 303, "/a"),
    Case("HEAD http://pypi.test/a", 302, "/a"),
    Case("HEAD http://pypi.test/a", 303, "/a"),
    Case("POST http://pypi.test/a", 307, "/a"),
    Case("PUT http://pypi.test/a", 301, "/a"),
)
THROUGH = (
    # ping-pong through a rule, through two, through their methods, with the query kept
    Case(
        "GET http://files.pypihosted.test/packages/x?y=1",
        302,
        "http://pypi.test/packages/x?y=1",
        ["301 http://files.pypihosted.test/packages/x?y=1 by rule to-files"],
    ),
    Case(
        "HEAD http://files.pypihosted.test/packages/x",
        303,
        "http://legacy.pypi.test/packages/x",
        [
            "308 http://pypi.test/packages/x by rule to-app",
            "301 http://files.pypihosted.test/packages/x by rule to-files",
        ],
    ),
    Case("GET http://pypi.test/simple/six/", 302, "/simple/SIX", ["301 /simple/six/ by rule lower"]),
    Case(
        "GET http://pypi.test/bounce",
        302,
        "http://legacy.pypi.test/bounce",
        ["302 http://pypi.test/bounce by rule bounce"],
    ),
    Case("GET http://pypi.test/a", 302, "http://legacy.pypi.test/map/a", ["301 http://pypi.test/a by rule map"]),
    Case("POST http://pypi.test/post", 308, "//legacy.pypi.test/post", ["307 http://pypi.test/post by rule post-only"]),
    # the query of a rule
    Case(
        "GET http://pypi.test/page",
        302,
        "//legacy.pypi.test/dropping?q=1",
        ["302 http://pypi.test/page by rule dropping"],
    ),
    Case(
        "GET http://pypi.test/page?q=1",
        302,
        "//legacy.pypi.test/keeping?b=2&q=1",
        ["302 http://pypi.test/page?q=1 by rule keeping"],
    ),
    # conditions that hold
    Case(
        "GET http://pypi.test/choosy",
        302,
        "//legacy.pypi.test/choosy",
        ["302 http://pypi.test/choosy by rule choosy"],
        headers={"user-agent": "pip"},
    ),
    Case(
        "GET http://pypi.test/asked?q=1",
        302,
        "//legacy.pypi.test/asked?q=1",
        ["302 http://pypi.test/asked?q=1 by rule asked"],
    ),
    Case(
        "GET http://legacy.pypi.test/here/back",
        302,
        "/here",
        ["302 /here/back by rule secret-here"],
        headers={"authorization": "Basic eDp5"},
    ),
    Case("GET http://pypi.test/now", 302, "//legacy.pypi.test/now", ["302 http://pypi.test/now by rule now"], now=99.0),
    # what a rule makes of the Location
    Case(
        "GET http://pypi.test/relocated",
        302,
        "//legacy.pypi.test/relocated",
        ["302 http://pypi.test/relocated by rule relocated"],
    ),
    # redirects that another backend is declared to give: for the path that it is asked for, on the client's arm
    Case(
        "GET http://pypi.test/moved/a",
        302,
        "//legacy.pypi.test/moved/a",
        ["302 http://pypi.test/moved/a by backend new (rule moved)"],
    ),
    Case(
        "GET http://pypi.test/arms/a",
        302,
        "//legacy.pypi.test/arms/a",
        ["302 http://pypi.test/arms/a by backend new (rule arms)"],
        headers={"x-arm": "new"},
    ),
    # a loop that what was asked for is not a part of
    Case(
        "GET http://pypi.test/circle",
        302,
        "//legacy.pypi.test/circle/a",
        ["301 /circle/b by rule circle", "301 /circle/a by rule circle-back"],
    ),
)
NO_LOOP = (
    # elsewhere: another host, another port, another scheme, no URL
    Case("GET http://pypi.test/a", 302, "http://elsewhere.test/a"),
    Case("GET http://pypi.test/a", 302, "http://pypi.test:9000/a"),
    Case("GET http://pypi.test:81/a", 302, "http://pypi.test:82/a"),
    Case("GET http://pypi.test/a", 301, "https://pypi.test/a"),
    Case("GET https://pypi.test/a", 301, "http://pypi.test/a"),
    Case("GET http://pypi.test/a", 302, "mailto:a@pypi.test"),
    Case("GET http://pypi.test/a", 302, "/a%2Fb"),
    # another URL, at a backend of which nothing is declared
    Case("GET http://pypi.test/a", 302, "/A"),
    Case("GET http://pypi.test/a", 302, "http://www.pypi.test/a"),
    Case("GET http://pypi.test/a", 302, "/a/"),
    Case("GET http://pypi.test/a?q=1", 302, "/a"),
    Case("GET http://pypi.test/a", 302, "?q=1"),
    Case("GET http://pypi.test/a", 302, "?"),
    Case("GET http://files.pypihosted.test/packages/x", 302, "http://pypi.test/packages/y"),
    Case("GET http://pypi.test/page?q=1", 302, "//legacy.pypi.test/dropping?q=1"),
    # the next request is another one
    Case("GET http://pypi.test/a", 302, "/a", sets_cookie=True),
    Case("GET http://pypi.test/cookie", 302, "//legacy.pypi.test/cookie"),
    Case("POST http://pypi.test/a", 303, "/a"),
    Case("POST http://pypi.test/a", 302, "/a"),
    Case("PUT http://pypi.test/a", 303, "/a"),
    Case("POST http://pypi.test/post", 302, "//legacy.pypi.test/post"),
    # nothing leads on
    Case("GET http://pypi.test/blank", 302, "//legacy.pypi.test/blank"),
    Case("GET http://pypi.test/gone", 302, "//legacy.pypi.test/gone"),
    Case("GET http://pypi.test/folder", 302, "//legacy.pypi.test/folder"),
    Case("GET http://pypi.test/b", 302, "//legacy.pypi.test/map/b"),
    # conditions that do not hold; secrets are for the host that was asked
    Case("GET http://pypi.test/choosy", 302, "//legacy.pypi.test/choosy", headers={"user-agent": "uv"}),
    Case("GET http://pypi.test/secret", 302, "//legacy.pypi.test/secret", headers={"authorization": "Basic eDp5"}),
    Case("GET http://pypi.test/asked?q=1", 302, "//legacy.pypi.test/asked?q=2"),
    Case("GET http://pypi.test/now", 302, "//legacy.pypi.test/now", now=100.0),
    # not declared: for the other arm, the method, the query
    Case("GET http://pypi.test/arms/a", 302, "//legacy.pypi.test/arms/a"),
    Case("POST http://pypi.test/arms/a", 307, "//legacy.pypi.test/arms/a", headers={"x-arm": "new"}),
    Case("GET http://pypi.test/", 302, "//legacy.pypi.test/arms/asked/a", headers={"x-arm": "new"}),
)


@pytest.mark.parametrize("case", [*ALONE, *THROUGH], ids=str)
def test_a_redirect_that_comes_back_is_a_loop_with_its_hops(ruleset: Ruleset, case: Case) -> None:
    hops = walk(ruleset, case)
    assert hops is not None
    assert [f"{hop.status} {hop.location} by {hop.by}" for hop in hops] == told(case)


@pytest.mark.parametrize("case", NO_LOOP, ids=str)
def test_a_redirect_that_may_come_to_an_end_is_none(ruleset: Ruleset, case: Case) -> None:
    assert walk(ruleset, case) is None


def test_each_hop_says_what_was_asked_by_which_method_and_where_it_is_written(ruleset: Ruleset) -> None:
    hops = walk(ruleset, Case("POST http://files.pypihosted.test/packages/x", 303, "http://pypi.test/packages/x"))
    assert hops is None  # the loop begins with the GET that follows, whose backend is asked first
    hops = walk(ruleset, Case("GET http://files.pypihosted.test/packages/x", 303, "http://pypi.test/packages/x"))
    assert hops is not None
    assert [(hop.method, hop.url, hop.place.line) for hop in hops] == [
        ("GET", "http://files.pypihosted.test/packages/x", 1),
        ("GET", "http://pypi.test/packages/x", 15),
    ]


def test_a_way_that_does_not_end_is_a_loop(ruleset: Ruleset) -> None:
    hops = walk(ruleset, Case("GET http://pypi.test/a", 302, "//legacy.pypi.test/longer/"))
    assert hops is not None
    assert len(hops) == MOST_HOPS + 1
    assert hops[-1].location == "/longer/" + "x/" * MOST_HOPS
