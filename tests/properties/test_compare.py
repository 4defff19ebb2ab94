"""Comparing rulesets by sets agrees with trying every path up to a length, by every kind of request."""

from __future__ import annotations

from itertools import product
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.checker.asked import Asked
from edgeproxy.ruleset.comparing.compare import compare
from edgeproxy.ruleset.comparing.sides import Side
from edgeproxy.ruleset.load import RuleFileError, parse_ruleset
from edgeproxy.ruleset.model import Ruleset

HEAD = """edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {one: {names: [one.test]}, two: {names: [two.test]}}
backends: {old: {url: "http://127.0.0.1:1"}, new: {url: "http://127.0.0.1:2"}}
rules:
"""
PATHS = st.sampled_from(
    [
        *('"/{rest*}"', '"/a/{rest*}"', '"/a/{x}"', '"/{x}/b"', '"/{x}"', '"/a"', '"/a/b"', '"/a{x}"'),
        *("{regex: '/a(/(?P<x>.*))?'}", "{regex: '/(?P<x>[ab]+)'}"),
    ]
)
MATCHES = st.sampled_from(
    ["", "", ", methods: [GET]", ", methods: [POST]", ", scheme: http", ", query: {q: x}", ", client: [10.0.0.0/8]"]
)
WHERE = st.sampled_from(["", "", ", where: {x: {normalized: lower}}", ", where: {x: {not_in: [a]}}"])
ACTIONS = st.sampled_from(
    [
        "respond: {status: 200}",
        "respond: {status: 404}",
        "forward: {backend: old}",
        "forward: {backend: new}, query: [q]",
        "forward: {backend: new}, query: drop",
        "forward: {backend: new}, safety: safe",
        "forward: {backend: old}, rewrite: {path: '/z/CAPTURE'}",
        "redirect: {to: 'https://one.test/n/CAPTURE'}",
        "redirect: {to: '/n/CAPTURE'}",
        "redirect: {to: '/n/CAPTURE|lower'}",
        "redirect: {to: 'https://one.test/n/CAPTURE|lower', lifetime: 1h}",
    ]
)
RULES = st.tuples(st.sampled_from(["one", "[one, two]"]), PATHS, MATCHES, WHERE, ACTIONS)
Drawn = tuple[str, str, str, str, str]
SEGMENTS = ("a", "b", "A", "aB", "")
ASKED_PATHS = ["/" + "/".join(parts) for length in (1, 2) for parts in product(SEGMENTS, repeat=length)]
REQUESTS = [
    Asked(method, scheme, host, path, query, (), client)
    for method, scheme, host, path, query, client in product(
        ("GET", "POST"),
        Scheme,
        ("one.test", "two.test"),
        ASKED_PATHS,
        (None, "q=x", "q=y&r=1"),
        ("192.0.2.1", "10.0.0.1"),
    )
]


def ruleset_of(rules: list[Drawn], letter: str) -> Ruleset | None:
    lines = []
    for number, (host, path, match, where, action) in enumerate(rules):
        name = "x" if "{x" in path or "<x>" in path else "rest" if "rest" in path else None
        if name != "x" and where:
            where = ""
        target = "" if name is None else f"{{{name}}}"
        done = action.replace("CAPTURE|lower", f"{{{name}|lower}}" if name else "").replace("CAPTURE", target)
        lines.append(f"  - {{name: {letter}{number}, match: {{host: {host}, path: {path}{match}{where}}}, {done}}}\n")
    try:
        return parse_ruleset(HEAD + "".join(lines), f"{letter}.yaml", base=Path("/"))
    except RuleFileError:
        return None  # a capture that may be empty in a path that would end so: not this test's business


@st.composite
def changed(draw: st.DrawFn) -> tuple[list[Drawn], list[Drawn]]:
    """Rules, and the same with some taken out, added, moved, or made to do something else."""
    old = draw(st.lists(RULES, min_size=1, max_size=4))
    new = list(old)
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(new)))
        what = draw(st.sampled_from(["add", "drop", "move", "act"]))
        if what == "add" or at == len(new):
            new.insert(at, draw(RULES))
        elif what == "drop" and len(new) > 1:
            del new[at]
        elif what == "move":
            new.append(new.pop(at))
        else:
            new[at] = (*new[at][:-1], draw(ACTIONS))
    return old, new


@settings(max_examples=150, deadline=None)
@given(changed())
def test_what_changes_is_what_a_request_shows(drawn: tuple[list[Drawn], list[Drawn]]) -> None:
    old, new = (ruleset_of(rules, letter) for rules, letter in zip(drawn, "on", strict=True))
    if old is None or new is None:
        return
    found = compare(old, new)
    before, after = Side(old), Side(new)
    told = {
        (None, None) if each.is_by_method else (each.old and each.old.index, each.new and each.new.index)
        for each in found.undecided
    }
    for group in found.groups:
        for change in group:
            first, second = before.outcome(change.asked), after.outcome(change.asked)
            assert first.differs(second) == change.aspects != ()
            told.add((first.rule and first.rule.index, second.rule and second.rule.index))
    for asked in REQUESTS:
        first, second = before.outcome(asked), after.outcome(asked)
        if first.differs(second):
            pair = (first.rule and first.rule.index, second.rule and second.rule.index)
            assert pair in told, f"{asked}: {first.said} {second.said}\n{old.sources}\n{new.sources}"


@settings(max_examples=50, deadline=None)
@given(st.lists(RULES, min_size=1, max_size=5))
def test_rules_with_other_names_and_captures_are_the_same(rules: list[Drawn]) -> None:
    old = ruleset_of(rules, "o")
    if old is None:
        return
    renamed = old.sources["o.yaml"].replace("name: o", "name: renamed").replace("rest", "tail").replace("{x", "{y")
    renamed = renamed.replace("<x>", "<y>").replace("where: {x:", "where: {y:").replace("{x:", "{y:")
    found = compare(old, parse_ruleset(renamed, "n.yaml", base=Path("/")))
    assert not found.groups, f"{[str(each.asked) for each in found.groups[0]]} {renamed}"
