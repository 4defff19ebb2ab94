"""Whatever rules ask for, the router answers as trying every rule in file order would, and so do candidates."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network

from hypothesis import given
from hypothesis import strategies as st

from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.matching import (
    Among,
    Begins,
    CallIs,
    ClientIn,
    Condition,
    Facts,
    Form,
    HeaderIs,
    InForm,
    OneOf,
    ParameterIs,
    Predicate,
    Presence,
    ValueMatch,
    Where,
    Window,
)
from edgeproxy.ruleset.model import Routed, Rule
from edgeproxy.ruleset.read_path import parse_path_template
from edgeproxy.ruleset.router import Router
from tests.rule_values import ONE, TWO, fits, matches, path_regex, route_naively, rule

HOSTS = (ONE, TWO)
WORDS = ("a", "b", "ab", "A")
TEMPLATES = (
    "/",
    "/a",
    "/{x}",
    "/{y}",
    "/{x}/b",
    "/a/{x}",
    "/{x:[ab]+}",
    "/{y:[ab]+}",
    "/{x}.m",
    "/{x}-{y}",
    "/{rest*}",
)
REGEXES = (r"/(?P<x>[ab]+)", r"/a.*", r"/(?P<x>.*)/(?P<y>[^/]*)", r"/.*b", r"/a|/b", r"/(?P<x>.)?")


def some(values: Sequence[str], most: int = 2) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(values), min_size=1, max_size=most)


VALUES: st.SearchStrategy[ValueMatch] = st.one_of(
    some(WORDS).map(OneOf),
    st.sampled_from([Begins("a"), matches("[ab]+"), Presence(True), Presence(False)]),
)
CONDITIONS: st.SearchStrategy[Condition] = st.one_of(
    st.builds(ParameterIs, st.sampled_from(["p", "q"]), VALUES),
    st.builds(HeaderIs, st.sampled_from(["h", "user-agent"]), VALUES),
    st.sampled_from([ClientIn((ip_network("10.0.0.0/8"),)), ClientIn((ip_network("::/0"), ip_network("10.1.0.0/16")))]),
    st.one_of(st.none(), some(WORDS)).map(CallIs),
)
PREDICATES: st.SearchStrategy[Predicate] = st.one_of(
    st.builds(Among, some(WORDS), st.booleans()),
    st.builds(InForm, st.sampled_from(Form), st.booleans()),
    st.booleans().map(lambda wanted: fits("[ab]+", wanted=wanted)),
)
WINDOWS = st.sampled_from([Window(start=10.0), Window(end=10.0), Window(each=10.0, after=2.0, first=3.0)])
MOVES = st.dictionaries(st.sampled_from(["/", "/a", "/b", "/ab", "/a/b"]), st.just("/moved"), max_size=3)


@st.composite
def rules(draw: st.DrawFn) -> list[Rule]:
    """In file order; predicates are on captures that their rules have."""
    made: list[Rule] = []
    for index in range(draw(st.integers(1, 10))):
        path = draw(
            st.one_of(st.sampled_from(TEMPLATES).map(parse_path_template), st.sampled_from(REGEXES).map(path_regex))
        )
        names = path.captures
        where = st.lists(st.builds(Where, st.sampled_from(names), PREDICATES), max_size=2) if names else st.just([])
        each = rule(
            index,
            path,
            hosts=draw(st.sampled_from([(ONE,), (TWO,), HOSTS])),
            methods=draw(st.sampled_from([(), (), ("GET",), ("POST", "HEAD")])),
            schemes=draw(st.sampled_from([(), (), (), (Scheme.HTTPS,)])),
            where=draw(where),
            conditions=draw(st.lists(CONDITIONS, max_size=2)),
            during=draw(st.lists(WINDOWS, max_size=1)),
            moves=draw(st.one_of(st.none(), st.none(), MOVES)),
            off=draw(st.sampled_from([None, None, None, None, "meant to be dead"])),
        )
        made.append(each)
    return made


FACTS = st.builds(
    Facts,
    query=st.sampled_from([None, "", "p=a", "p=b&q=a", "q=%61b&q=b", "p", "p=A&p=a"]),
    headers=st.dictionaries(st.sampled_from(["h", "user-agent"]), st.sampled_from([*WORDS, ""])),
    client=st.sampled_from(["10.1.2.3", "10.2.2.3", "192.0.2.7", "2001:db8::1", "unix"]),
    call=st.sampled_from([None, "", *WORDS]),
    now=st.sampled_from([0.0, 3.0, 9.9, 10.0, 24.0]),
)
PATHS = st.lists(st.sampled_from([*WORDS, "c", "a.m", "a-b", ""]), max_size=3).map(lambda parts: "/" + "/".join(parts))


@given(
    rules(),
    st.sampled_from(["GET", "POST", "PUT"]),
    st.sampled_from(Scheme),
    st.sampled_from(["one.test", "two.test", "none.test"]),
    PATHS,
    FACTS,
)
def test_the_first_rule_in_file_order_that_takes_a_request_wins(
    ready: list[Rule], method: str, scheme: Scheme, host: str, path: str, facts: Facts
) -> None:
    router = Router(HOSTS, ready)
    expected = route_naively(ready, HOSTS, method, scheme, host, path, facts)
    assert router.route(method, scheme, host, path, facts) == expected
    candidates = router.candidates(method, scheme, host, path, facts.query)
    assert candidates.choose(facts) == expected
    assert candidates.is_settled == (not list(candidates))
    order = [each.rule.index for each in candidates]
    assert order == sorted(set(order))
    if isinstance(candidates.otherwise, Routed):
        assert all(index < candidates.otherwise.rule.index for index in order)
        assert not candidates.otherwise.rule.match.during


@given(
    st.lists(
        st.tuples(some(WORDS, 3), st.sampled_from([(), ("GET",), ("POST",)]), st.booleans()), min_size=6, max_size=12
    ),
    st.sampled_from(["call", "query", "header", "capture"]),
    st.sampled_from(["GET", "POST", "PUT"]),
    FACTS,
    st.sampled_from(["/a", "/b", "/ab", "/c"]),
)
def test_rules_of_one_path_that_differ_in_exact_values_keep_their_order(
    made: list[tuple[frozenset[str], tuple[str, ...], bool]], by: str, method: str, facts: Facts, path: str
) -> None:
    """Enough of them for a table; some ask for something else, too, and some for nothing."""
    ready: list[Rule] = []
    for index, (values, methods, asks_more) in enumerate(made):
        conditions: list[Condition] = [HeaderIs("user-agent", Begins("a"))] if asks_more else []
        where: list[Where] = []
        name = ("x", "y")[index % 2]
        match by:
            case "call":
                conditions.append(CallIs(values))
            case "query":
                conditions.append(ParameterIs("p", OneOf(values)))
            case "header":
                conditions.append(HeaderIs("h", OneOf(values)))
            case _:
                where.append(Where(name, Among(values, True)))
        ready.append(rule(index, f"/{{{name}}}", methods=methods, where=where, conditions=conditions))
    expected = route_naively(ready, HOSTS, method, Scheme.HTTP, "one.test", path, facts)
    router = Router(HOSTS, ready)
    assert router.route(method, Scheme.HTTP, "one.test", path, facts) == expected
    assert router.candidates(method, Scheme.HTTP, "one.test", path, facts.query).choose(facts) == expected
