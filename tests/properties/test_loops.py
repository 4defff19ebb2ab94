"""What the checker says of loops is what trying every path says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.arms import is_known_by_host
from edgeproxy.ruleset.checker.asked import Asked
from edgeproxy.ruleset.checker.facets import Facets
from edgeproxy.ruleset.checker.hops import Declared
from edgeproxy.ruleset.checker.loops import PROVED, find_loops
from edgeproxy.ruleset.checker.simulate import Simulator
from edgeproxy.ruleset.checker.walks import Arms, Walker
from edgeproxy.ruleset.load import RuleFileError, parse_ruleset
from edgeproxy.ruleset.model import Ruleset

HEAD = """edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {one: {names: [one.test]}, two: {names: [two.test]}}
backends:
  plain: {url: "http://127.0.0.1:1"}
  old: {url: "http://127.0.0.1:2", redirects: [%s]}
  new: {url: "http://127.0.0.1:3", redirects: [%s]}
cutovers: {c: {from: old, to: new, steps: [50, 100], hold: 1m, sticky: [client]%s}}
%srules:
"""
# More of the cutover, and of the file. Beyond an address and a user agent, each host may be told something else.
OVERRIDES = [
    ("", ""),
    ("", ""),
    (", pin: [{client: [10.0.0.0/8], arm: to}, {user_agent: {prefix: pip/}, arm: from}]", ""),
    (', pin: [{headers: {X-Beta: "1"}, arm: to}]', ""),
    ("", "arm_token: /etc/arm.token\n"),
]
HOSTS = ("one.test", "two.test")
SEGMENTS = ("a", "b", "B", "a.b", "ab")
PATHS = ["/" + "/".join(parts) for length in (1, 2, 3) for parts in product(("a", "B", "a.b"), repeat=length)] + [
    "/",
    "/b",
]

# A path, and targets that fit its captures.
SHAPES = {
    "/a": ("/a", "/b", "/a/b", "/B"),
    "/b": ("/a", "/B", "/a/a"),
    "/B": ("/b", "/a"),
    "/{x}": ("/{x}", "/a", "/{x|lower}", "/{x|pep503}", "/{x}/a", "/{x|first}", "/b/{x|urlquote}", "/a?q={x|urlquote}"),
    "/a/{x}": ("/{x}", "/b/{x}", "/a/{x|lower}", "/a/a/{x}"),
    "/{x}/{y}": ("/{y}/{x}", "/{x}", "/{x}/{y|lower}", "/{x}/{x}/{y}", "/a/{y}"),
    "/{x}/{r*}": ("/{r}", "/{x}/{r}", "/a/{r}", "/{r}/{x}"),
    "/{r*}": ("/{r}", "/a/{r}", "/a"),
    "/{x:[ab]+}/b": ("/{x}/b", "/{x}", "/b/{x}"),
}
FROM_TO = st.sampled_from([(path, to) for path, targets in SHAPES.items() for to in targets])
ORIGINS = st.sampled_from(["", "", "http://one.test", "https://one.test", "https://two.test"])
WHERE = st.sampled_from(
    ["", "", "x: {not_normalized: lower}", "x: {not_normalized: pep503}", "x: {normalized: lower}", "x: {in: [a, b]}"]
)
MATCHES = st.sampled_from(
    [
        "",
        "",
        "",
        ", methods: [GET, HEAD]",
        ", methods: [POST]",
        ", scheme: http",
        ", query: {q: a}",
        ", query: {q: {present: false}}",
    ]
)
STATUSES = st.sampled_from(["302", "301", "303", "307", "302, lifetime: 1h"])
MODIFIERS = st.sampled_from(["", "", "", ", query: drop", ", query: [q]"])


def _where(path: str, where: str) -> str:
    return f", where: {{{where}}}" if where and "{x" in path else ""


@st.composite
def _redirect(draw: st.DrawFn) -> str:
    path, to = draw(FROM_TO)
    host = draw(st.sampled_from(["one", "two", "[one, two]"]))
    match = f'host: {host}, path: "{path}"{draw(MATCHES)}{_where(path, draw(WHERE))}'
    return f'match: {{{match}}}, redirect: {{to: "{draw(ORIGINS)}{to}", status: {draw(STATUSES)}}}{draw(MODIFIERS)}'


@st.composite
def _forward(draw: st.DrawFn) -> str:
    path = draw(st.sampled_from(list(SHAPES)))
    host = draw(st.sampled_from(["one", "two", "[one, two]"]))
    to = draw(
        st.sampled_from(
            ["backend: plain", "backend: old", "cutover: c", "backend: plain}, fallback: {to: new, on: [5xx]"]
        )
    )
    rewrite = draw(st.sampled_from(["", "", ', rewrite: {path: "/a"}']))
    return f'match: {{host: {host}, path: "{path}"{_where(path, draw(WHERE))}}}, forward: {{{to}}}{rewrite}'


@st.composite
def _declared(draw: st.DrawFn) -> str:
    path, to = draw(FROM_TO)
    return f'{{path: "{path}", to: "{draw(ORIGINS)}{to}", status: {draw(st.sampled_from(["301", "302", "307"]))}}}'


@st.composite
def rulesets(draw: st.DrawFn) -> str:
    rules = draw(st.lists(st.one_of(_redirect(), _redirect(), _forward()), min_size=1, max_size=4))
    old, new = (", ".join(draw(st.lists(_declared(), min_size=1, max_size=2))) for _ in range(2))
    head = HEAD % (old, new, *draw(st.sampled_from(OVERRIDES)))
    return head + "".join(f"  - {{name: r{at}, {rule}}}\n" for at, rule in enumerate(rules))


def read(text: str) -> Ruleset | None:
    try:
        return parse_ruleset(text, "rules.yaml", base=Path("/"))
    except RuleFileError:
        return None  # a rule that can never match: not this test's business


def starts() -> Iterator[Asked]:
    for method, scheme, host, path, query in product(("GET", "POST"), Scheme, HOSTS, PATHS, (None, "q=a")):
        yield Asked(method, scheme, host, path, query)


def loops_from(simulator: Simulator, start: Asked, done: set[tuple[Asked, Arms]]) -> bool:
    """Whether a client that asks for this may come back to a request that it has asked."""
    stack: list[tuple[Asked, Arms, tuple[Asked, ...]]] = [(start, (), ())]
    while stack:
        asked, arms, before = stack.pop()
        if asked in before:
            return True
        if (asked, arms) in done or len(before) > 12:
            continue
        done.add((asked, arms))
        for step in simulator.steps(asked):
            taken = Walker.arms_after(arms, step)
            if step.following is not None and taken is not None:
                if step.following in (*before, asked):
                    return True
                stack.append((step.following, taken, (*before, asked)))
    return False


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(rulesets(), st.one_of(st.none(), st.none(), rulesets()))
def test_the_verdict_is_that_of_trying_every_path(text: str, before: str | None) -> None:
    ruleset, old = read(text), None if before is None else read(before)
    if ruleset is None or (before is not None and old is None):
        event("not a ruleset")
        return
    after = [] if old is None else [old]
    verdict = find_loops(ruleset, after)
    simulator = Simulator(ruleset, after, Facets(ruleset, *after))
    done: set[tuple[Asked, Arms]] = set()
    loops = any(loops_from(simulator, start, done) for start in starts())
    event("undecided" if verdict.undecided else "loops" if verdict.findings else "proved")
    if loops:
        assert verdict.findings, "a loop that was stepped through is found"
    if verdict.line == PROVED:
        assert not loops
    for each in verdict.undecided:
        assert each.why


def loops_on(simulator: Simulator, start: Asked, arm_on: Mapping[str, str]) -> bool:
    """Whether a client that is on these arms, by host, may come back: pinned there, put there by its token, or by its
    place. Known by nothing of the checker's but single steps.
    """
    stack: list[tuple[Asked, tuple[Asked, ...]]] = [(start, ())]
    done: set[Asked] = set()
    while stack:
        asked, before = stack.pop()
        if asked in done or len(before) > 12:
            continue
        done.add(asked)
        for step in simulator.steps(asked):
            source = step.lead.source
            is_bound = step.lead.is_bound_to_arm and isinstance(source, Declared)
            if step.following is None or (is_bound and source.backend.name != arm_on[asked.host]):
                continue
            if step.following in (*before, asked):
                return True
            stack.append((step.following, (*before, asked)))
    return False


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(rulesets())
def test_no_client_loops_under_proved_rules_whatever_it_is_pinned_or_forced_to(text: str) -> None:
    ruleset = read(text)
    if ruleset is None or find_loops(ruleset, []).line != PROVED:
        event("not proved")
        return
    cutover = ruleset.cutovers[0]
    event("by host" if is_known_by_host(cutover) else "pinned" if cutover.pins else "by its place")
    simulator = Simulator(ruleset, [], Facets(ruleset))
    for on_one, on_two in product(("old", "new"), repeat=2):
        if on_one == on_two or is_known_by_host(cutover):
            assert not any(loops_on(simulator, start, {HOSTS[0]: on_one, HOSTS[1]: on_two}) for start in starts())
