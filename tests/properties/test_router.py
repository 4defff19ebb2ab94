"""The router answers as trying every rule in file order would."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.load import RuleFileError, parse_ruleset
from edgeproxy.ruleset.model import Routed, Ruleset, UnknownHost

SEGMENTS = st.sampled_from(["a", "b", "{x}", "{x:[ab]{1,2}}", "{x}.m", "a{x}", ""])
PATHS = st.tuples(st.lists(SEGMENTS, max_size=3), st.sampled_from(["", "/{rest*}"])).map(
    lambda parts: ("/" + "/".join(parts[0]) + parts[1]).replace("{x", "{x0", 1)
)
METHODS = st.sampled_from(["", ", methods: [GET]", ", methods: [POST, HEAD]"])
SCHEMES = st.sampled_from(["", "", ", scheme: http", ", scheme: https", ", scheme: [http, https]"])
HOSTS = st.sampled_from(["one", "two", "[one, two]"])
RULES = st.lists(st.tuples(HOSTS, PATHS, METHODS, SCHEMES), min_size=1, max_size=8)
ASKED = st.lists(st.sampled_from(["a", "b", "ab", "a.m", "ax", "c", ""]), max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)


def ruleset_of(rules: list[tuple[str, str, str, str]]) -> Ruleset | None:
    lines = [
        f'  - {{name: r{number}, match: {{host: {host}, path: "{path}"{methods}{schemes}}}, respond: {{status: 200}}}}'
        for number, (host, path, methods, schemes) in enumerate(rules)
    ]
    head = 'edge: 1\nlisten: [{address: "127.0.0.1:0"}]\nhosts: {one: {names: [one.test]}, two: {names: [two.test]}}\nrules:\n'
    try:
        return parse_ruleset(head + "\n".join(lines) + "\n", "rules.yaml", base=Path("/"))
    except RuleFileError:
        return None  # a rule that can never match, or a name captured twice: not this test's business


@given(
    RULES,
    st.sampled_from(["one.test", "two.test", "none.test"]),
    st.sampled_from(["GET", "POST", "PUT"]),
    st.sampled_from(Scheme),
    ASKED,
)
def test_the_first_rule_in_file_order_wins(
    rules: list[tuple[str, str, str, str]], host: str, method: str, scheme: Scheme, path: str
) -> None:
    ruleset = ruleset_of(rules)
    if ruleset is None:
        return
    found = ruleset.route(method, scheme, host, path)
    first = next(
        (
            rule
            for rule in ruleset.rules
            if any(host in each.names for each in rule.match.hosts)
            and (not rule.match.schemes or scheme in rule.match.schemes)
            and (not rule.match.methods or method in rule.match.methods)
            and rule.match.path.match(path) is not None
        ),
        None,
    )
    if first is None:
        assert not isinstance(found, Routed)
        assert isinstance(found, UnknownHost) == (host == "none.test")
    else:
        assert isinstance(found, Routed)
        assert found.rule is first
        assert found.captures == first.match.path.match(path)


@given(st.text(alphabet="ab:{}[]-,\"'\n *&!|>#%@?/0.\t", max_size=80))
def test_any_text_is_a_ruleset_or_a_clear_error(text: str) -> None:
    problems: object = "a ruleset"
    try:
        parse_ruleset(text, "rules.yaml", base=Path("/"))
    except RuleFileError as error:
        problems = error.problems
    assert problems
