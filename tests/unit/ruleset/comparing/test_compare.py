"""What `diff` says without a capture: changes with a request that shows them, and nothing where nothing changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeproxy.cli.differences import comparison_as_text
from edgeproxy.ruleset.comparing.compare import compare
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.model import Ruleset

HEAD = """edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}, old: {names: [legacy.pypi.test]}}
backends: {legacy: {url: "http://127.0.0.1:1"}, modern: {url: "http://127.0.0.1:2"}}
splits: {reads: {weights: {legacy: 80, modern: 20}}}
rules:
"""
ALL = '- {name: all, match: {path: "/{rest*}"}, forward: {backend: legacy}}'
SIMPLE = '- {name: simple, match: {host: app, path: "/simple/{project}/"}, forward: {backend: modern}}'


def ruleset(*rules: str, name: str = "old.yaml", head: str = HEAD) -> Ruleset:
    return parse_ruleset(head + "".join(f"  {rule}\n" for rule in rules), name, base=Path("/srv"))


def told(old: Ruleset, new: Ruleset) -> list[str]:
    return comparison_as_text(compare(old, new)).splitlines()


def between(old: str, new: str, *more: str) -> list[str]:
    """What is told of one rule in the place of another, before the same others."""
    return told(ruleset(old, *more), ruleset(new, *more, name="new.yaml"))


def test_a_rule_that_is_new_changes_what_it_takes_from_those_below() -> None:
    assert told(ruleset(ALL), ruleset(SIMPLE, ALL, name="new.yaml")) == [
        "differs: action",
        "  GET https://pypi.test/simple/a/",
        "    - forward to backend legacy   [all, old.yaml:7]",
        "    + forward to backend modern   [simple, new.yaml:7]",
        "",
        "1 change in 1 kind",
    ]


def test_a_rule_that_is_gone_leaves_its_requests_to_nobody() -> None:
    other = "- {name: x, match: {path: /x}, respond: {status: 204}}"
    assert told(ruleset(SIMPLE, other), ruleset(other))[:4] == [
        "differs: action",
        "  GET https://pypi.test/simple/a/",
        "    - forward to backend modern   [simple, old.yaml:7]",
        "    + 404: no rule takes the path",
    ]


def test_a_method_that_is_refused_now_is_told_where_no_rule_takes_it() -> None:
    every = "- {name: x, match: {path: /x, scheme: http}, respond: {status: 204}}"
    reads = "- {name: reads, match: {path: /x, methods: [GET]}, respond: {status: 204}}"
    lines = told(ruleset(every), ruleset(every, reads))
    assert lines[5:9] == [
        "differs: action",
        "  HEAD https://pypi.test/x",
        "    - 404: no rule takes the path",
        "    + 405: no rule takes the method",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ((SIMPLE, ALL), (SIMPLE.replace("name: simple", "name: projects").replace("{project}", "{name}"), ALL)),
        (
            (SIMPLE, '- {name: x, match: {host: old, path: "/x/{a}"}, respond: {status: 204}}', ALL),
            ('- {name: x, match: {host: old, path: "/x/{a}"}, respond: {status: 204}}', SIMPLE, ALL),
        ),
        ((ALL,), (SIMPLE.replace("modern", "legacy"), ALL)),
        ((ALL,), (ALL, "- {name: dead, match: {path: /x}, respond: {status: 204}}")),
        ((ALL,), ("- {name: x, off: not yet, match: {path: /x}, respond: {status: 204}}", ALL)),
        ((ALL, SIMPLE), (ALL,)),
    ],
    ids=["other names", "moved apart", "the same below", "a dead rule", "a rule that is off", "a dead rule gone"],
)
def test_what_treats_all_requests_alike_is_no_change(old: tuple[str, ...], new: tuple[str, ...]) -> None:
    assert told(ruleset(*old), ruleset(*new)) == ["no request is treated otherwise"]


def test_two_rules_that_change_places_change_what_both_take() -> None:
    pip = '- {name: pip, match: {path: "/{rest*}", user_agent: {prefix: pip/}}, respond: {status: 204}}'
    assert told(ruleset(SIMPLE, pip, ALL), ruleset(pip, SIMPLE, ALL, name="new.yaml"))[:4] == [
        "differs: action",
        "  GET https://pypi.test/simple/a/ with the header user-agent: pip/",
        "    - forward to backend modern   [simple, old.yaml:7]",
        "    + respond 204   [pip, new.yaml:7]",
    ]


MOVED = '- {{name: moved, match: {{host: app, path: "{path}"{more}}}, redirect: {{to: "{to}", status: 301}}}}'


def moved(path: str, to: str, more: str = "") -> str:
    return MOVED.format(path=path, to=to, more=more)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (moved("/a/{x}", "https://pypi.test/b/{x}"), moved("/a/{rest*}", "https://pypi.test/b/{rest}")),
        (moved("/a/{x}/c", "/b/a/{x}/c"), moved("/{all*}", "/b/{all}")),
        (
            moved("/a/{x}", "/b/{x|pep503}", ", where: {x: {normalized: pep503}}"),
            moved("/a/{x}", "/b/{x}", ", where: {x: {normalized: pep503}}"),
        ),
        (moved("/a/{x}", "/b/{x}", ", scheme: https"), moved("/a/{x}", "https://pypi.test/b/{x}", ", scheme: https")),
        (moved("/a/{x}.html", "/b/{x}"), moved("/a/{y}.html", "/b/{y}")),
        (moved("/a/{x:[ab]}", "/b/{x}"), moved("/a/{y:[ab]}", "/b/{y|lower}")),
    ],
    ids=["a wider template", "every path", "a filter that does nothing", "host written out", "an affix", "few paths"],
)
def test_targets_that_lead_to_the_same_are_no_change(old: str, new: str) -> None:
    """But for what only the wider template takes, and that nobody took before."""
    lines = between(old, new, ALL)
    assert not [line for line in lines if line.startswith("undecided")]
    assert "differs: location" not in lines


@pytest.mark.parametrize(
    ("old", "new", "request_shown", "before", "after"),
    [
        ("/b/{x}", "/b/{x|lower}", "/a/A", "/b/A", "/b/a"),
        ("/b/{x|lower}", "/b/{x|pep503}", "/a/.", "", ""),
        ("/b/{x}", "https://pypi.test/b/{x}", "/a/a", "", ""),
        ("/b/{x}/", "/c/{x}/", "/a/a", "/b/a/", "/c/a/"),
    ],
)
def test_targets_that_do_not_are_told_with_a_path_that_shows_it(
    old: str, new: str, request_shown: str, before: str, after: str
) -> None:
    lines = between(moved("/a/{x}", old), moved("/a/{x}", new))
    assert lines[0] == "differs: location"
    if before:
        assert lines[1].endswith(f"//pypi.test{request_shown}")
        assert f"redirect 301 to https://pypi.test{before} " in lines[2]
        assert f"redirect 301 to https://pypi.test{after} " in lines[3]


def test_who_gets_405_for_a_new_rule_is_said_to_be_undecided_where_it_cannot_be_shown() -> None:
    """The pattern's paths are only tried one by one, and it takes the first of them that could tell."""
    hidden = "- {name: hidden, match: {host: app, path: {regex: '/a(/(?P<x>.*))?'}}, forward: {backend: legacy}}"
    lower = "- {name: lower, match: {path: '/a/{x}', methods: [POST], where: {x: {normalized: lower}}}, respond: {status: 200}}"
    new = "- {name: new, match: {path: '/a/{x}', methods: [GET]}, respond: {status: 200}}"
    found = compare(ruleset(hidden, lower), ruleset(new, hidden, lower, name="new.yaml"))
    (undecided,) = [each for each in found.undecided if each.is_by_method]
    assert undecided.new is not None
    assert (undecided.old, undecided.new.name) == (None, "new")
    assert "undecided: who gets 405 for this rule's methods: " in comparison_as_text(found)


def test_what_cannot_be_shown_is_undecided() -> None:
    lines = between(moved("/a/{x}", "/b/{x|lower|pep503}"), moved("/a/{x}", "/b/{x|pep503}"))
    assert lines == [
        "undecided: the Location is the same for 200 paths; that it is so for all is not shown.",
        "    - [moved, old.yaml:7]",
        "    + [moved, old.yaml:7]".replace("old", "new"),
        "",
        "no change shown, 1 undecided",
    ]


PAGE = '- {{name: page, match: {{host: app, path: "/p/{{x}}"}}, forward: {{backend: modern}}{more}}}'


@pytest.mark.parametrize(
    ("old", "new", "differs", "shown"),
    [
        ("", ", query: drop", "query", "GET https://pypi.test/p/a?x=1"),
        (", query: [q]", ", query: [q, page]", "query", "GET https://pypi.test/p/a?page=1"),
        ("", ", safety: safe", "safety", "POST https://pypi.test/p/a"),
        (", safety: unsafe", "", "safety", "GET https://pypi.test/p/a"),
        ("", ", limits: {body: 1MiB}", "limits", "GET https://pypi.test/p/a"),
        ("", ", rewrite: {path: '/q/{x}'}", "path", "GET https://pypi.test/p/a"),
        ("", ", rewrite: {host: pypi.test}", "headers", "GET https://pypi.test/p/a"),
        ("", ", cache: {fresh: 10m}", "cache", "GET https://pypi.test/p/a"),
        (", cache: {negative: 1m}", ", cache: {negative: 0s}", "cache", "GET https://pypi.test/p/a"),
        (", cache: {compress: [br]}", ", cache: {compress: [br, gzip]}", "cache", "GET https://pypi.test/p/a"),
        (", cache: {accept: [json, html]}", ", cache: {accept: [html, json]}", "cache", "GET https://pypi.test/p/a"),
        (", cache: {}", ", cache: {heed_clients: true}", "cache", "GET https://pypi.test/p/a"),
        (", cache: {tags: ['{x}']}", ", cache: {tags: ['p/{x}']}", "tags", "GET https://pypi.test/p/a"),
        ("", ", fallback: {to: legacy, on: [5xx]}", "fallback", "GET https://pypi.test/p/a"),
        ("", ", shadow: {to: legacy, percent: 5, compare: html}", "shadow", "GET https://pypi.test/p/a"),
        (
            ", shadow: {to: legacy, percent: 5}",
            ", shadow: {to: legacy, percent: 5, ignore: [header:Vary]}",
            "shadow",
            "GET https://pypi.test/p/a",
        ),
    ],
)
def test_each_part_of_a_treatment_counts(old: str, new: str, differs: str, shown: str) -> None:
    lines = between(PAGE.format(more=old), PAGE.format(more=new))
    assert lines[:2] == [f"differs: {differs}", f"  {shown}"]


def test_changes_of_one_kind_are_told_together() -> None:
    old = [f"- {{name: r{n}, match: {{path: /r{n}}}, redirect: {{to: /n{n}, status: 301}}}}" for n in range(9)]
    new = [rule.replace("301", "302") for rule in old]
    lines = told(ruleset(*old), ruleset(*new))
    assert lines[0] == "differs: action (9 pairs of rules)"
    assert lines[-3:] == ["  and 6 more", "", "9 changes in 1 kind"]


def test_a_map_is_compared_pair_by_pair(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("/a,/x\n/b,/y\n/c,/z\n")
    (tmp_path / "new.csv").write_text("/a,/x\n/b,/other\n/c,/z\n")
    rule = "rules:\n  - {name: m, match: {host: app, path: '/{rest*}'}, redirect: {map: FILE, status: 301}}\n"
    head = HEAD.replace("rules:\n", rule)
    old, new = (parse_ruleset(head.replace("FILE", f), f, base=tmp_path) for f in ("old.csv", "new.csv"))
    assert told(old, new)[:4] == [
        "differs: location",
        "  GET https://pypi.test/b",
        "    - redirect 301 to https://pypi.test/y   [m, old.csv:7]",
        "    + redirect 301 to https://pypi.test/other   [m, new.csv:7]",
    ]


def test_backends_and_splits_that_are_declared_otherwise_are_told() -> None:
    head = HEAD.replace("127.0.0.1:2", "127.0.0.1:3").replace("legacy: 80, modern: 20", "legacy: 70, modern: 30")
    assert told(ruleset(ALL), ruleset(ALL, head=head)) == [
        "declared otherwise: backend modern: 127.0.0.1:2 as 127.0.0.1:2 -> 127.0.0.1:3 as 127.0.0.1:3",
        "declared otherwise: split reads: legacy 80 %, modern 20 % -> legacy 70 %, modern 30 %",
        "",
        "no change shown, 2 declarations changed",
    ]


def test_another_place_for_what_is_kept_is_told() -> None:
    kept = "cache: {directory: /var/cache/edge, disk: 2GiB, purge_token: token}\nrules:\n"
    new = ruleset(ALL, name="new.yaml", head=HEAD.replace("rules:\n", kept))
    assert told(ruleset(ALL), new)[0] == (
        "declared otherwise: cache: memory 64MiB, answers up to 1GiB -> memory 64MiB, disk 2GiB in /var/cache/edge, "
        "answers up to 1GiB, purged by the token in /srv/token"
    )
    assert told(new, new) == ["no request is treated otherwise"]


def test_other_pins_and_another_token_are_told() -> None:
    def with_pin(pin: str, token: str) -> Ruleset:
        cutover = f"cutovers: {{move: {{from: legacy, to: modern, steps: [100], hold: 1m{pin}}}}}\n{token}rules:\n"
        return ruleset(ALL, head=HEAD.replace("rules:\n", cutover))

    old, new = with_pin("", ""), with_pin(", pin: [{user_agent: a, arm: to}]", "arm_token: arm.token\n")
    assert told(old, new)[:2] == [
        "declared otherwise: cutover move: pins",
        "declared otherwise: arm_token: none -> /srv/arm.token",
    ]


def test_a_host_that_is_declared_anew_is_told() -> None:
    head = HEAD.replace("names: [pypi.test]", "names: [pypi.test, www.pypi.test]")
    only = "- {name: x, match: {path: /x}, respond: {status: 204}}"
    lines = told(ruleset(only), ruleset(only, head=head))
    assert [line for line in lines if "421" in line or "404" in line] == [
        "    - 421: the host is not declared",
        "    - 421: the host is not declared",
        "    + 404: no rule takes the path",
    ]
