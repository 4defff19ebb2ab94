"""What a probe asks, how answers are judged, and what it makes of redirects that nobody declared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgeproxy.ruleset.checker.checking import Checking
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.probing.asking import Asker
from edgeproxy.ruleset.probing.findings import Probed, probed
from edgeproxy.ruleset.probing.question import Answer, Question
from edgeproxy.ruleset.probing.witnesses import Known, known_from, known_of
from edgeproxy.ruleset.problems import Code

RULES = """edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts: {{app: {{names: [pypi.test]}}, old: {{names: [legacy.pypi.test]}}}}
backends:
  site: {{url: "http://127.0.0.1:1", host: site.test{redirects}}}
rules:
  - {{name: calls, match: {{host: app, path: /pypi, methods: [POST]}}, forward: {{backend: site}}}}
  - {{name: writes, match: {{host: app, path: "/do/{{what}}"}}, forward: {{backend: site}}, safety: unsafe}}
  - {{name: old, match: {{host: old, path: "/old/{{rest*}}"}}, forward: {{backend: site}}, query: drop,
     rewrite: {{path: "/new/{{rest}}"}}}}
  - {{name: simple, match: {{host: app, path: "/simple/{{project}}/"}}, forward: {{backend: site}},
     expect: ["GET https://pypi.test/simple/Six/ -> forward site"]}}
  - {{name: rest, match: {{host: app, path: "/{{rest*}}"}}, forward: {{backend: site}}}}
"""
NORMAL = '{path: "/simple/{name}/", where: {name: {not_normalized: pep503}}, to: "/simple/{name|pep503}/", status: 301}'
SPELLED = '{path: "/json/{name}", to: "/json/{name|respelled}", status: 301}'
CHOSEN = '{path: "/f/{file}", to: "https://files.test/{a}/{file}"}'

Backend = Callable[[Question], Answer]


def ruleset(*redirects: str) -> Ruleset:
    declared = f", redirects: [{', '.join(redirects)}]" if redirects else ""
    return parse_ruleset(RULES.format(redirects=declared), "rules.yaml", base=Path("/srv"))


def questions(rules: Ruleset, *paths: str, most: int = 200) -> tuple[Question, ...]:
    known = [*known_from(paths), *known_of(rules)]
    return Asker(Checking(rules).ground, known).asking(most).questions


def probe(rules: Ruleset, backend: Backend, *paths: str) -> Probed:
    known = [*known_from(paths), *known_of(rules)]
    asking = Asker(Checking(rules).ground, known).asking(200)
    return probed(rules, asking, [(question, backend(question)) for question in asking.questions])


def site(question: Question) -> Answer:
    """Lower case with a slash, as the old index had it."""
    path = question.path
    if path.startswith("/simple/") and path != path.lower():
        return Answer(301, path.lower(), "max-age=600")
    if path.startswith("/project/") and not path.endswith("/"):
        return Answer(301, f"{path}/")
    return Answer(200 if path.startswith("/") else 404)


# -- what is asked --------------------------------------------------------------------------------------------------


def test_known_paths_are_asked_as_the_edge_would_and_in_other_spellings() -> None:
    asked = [each for each in questions(ruleset(NORMAL)) if each.path.startswith("/simple/")]
    assert {each.path for each in asked} >= {"/simple/Six/", "/simple/SIX/"}
    assert {(each.host, each.client.host, each.method) for each in asked} == {("site.test", "pypi.test", "GET")}


def test_no_write_is_asked_for() -> None:
    asked = questions(ruleset('{path: "/do/{x}", to: "/", status: 301}'), "/do/it", "/pypi")
    assert not [each for each in asked if each.path.startswith("/do/")]
    assert {each.method for each in asked} == {"GET"}
    assert not [each for each in asked if each.rule is not None and each.rule.name == "calls"]


def test_the_path_and_query_are_those_that_the_backend_is_asked_for() -> None:
    (found,) = [each for each in questions(ruleset(), "https://legacy.pypi.test/old/a?q=1") if each.path == "/new/a"]
    assert (found.target, found.client.path, found.client.host) == ("/new/a", "/old/a", "legacy.pypi.test")


def test_no_more_is_asked_than_may_be() -> None:
    rules = ruleset(NORMAL, SPELLED)
    everything = questions(rules)
    assert questions(rules, most=2) == everything[:2]
    assert Asker(Checking(rules).ground, []).asking(1).unasked > 0
    assert len({each.identity for each in everything}) == len(everything)


def test_given_paths_are_urls_paths_or_records() -> None:
    lines = [
        "/a?b=1",
        "http://pypi.test/c",
        '{"method": "GET", "url": "https://pypi.test/d"}',
        '{"method": "POST", "url": "https://pypi.test/e"}',
        "{no json",
        "nothing",
        "/%2F",
    ]
    assert next(known_from(lines)) == Known("/a", "b=1")
    assert [each.path for each in known_from(lines)] == ["/a", "/c", "/d"]


# -- what is declared -----------------------------------------------------------------------------------------------


def codes(found: Probed) -> list[Code]:
    return [problem.code for problem in found.problems]


@pytest.mark.parametrize(
    ("declared", "answer", "code"),
    [
        (NORMAL, lambda path: Answer(301, path.lower()), None),
        (NORMAL, lambda path: Answer(301, f"https://pypi.test{path.lower()}"), None),
        (NORMAL, lambda path: Answer(301, f"https://legacy.pypi.test{path.lower()}"), Code.REDIRECT_NOT_SO),
        (NORMAL, lambda path: Answer(301, f"http://pypi.test{path.lower()}"), Code.REDIRECT_NOT_SO),
        (NORMAL, lambda path: Answer(301, f"{path.lower()}?x=1"), Code.REDIRECT_NOT_SO),
        (NORMAL, lambda path: Answer(302, path.lower()), Code.REDIRECT_NOT_SO),
        (NORMAL, lambda path: Answer(200), Code.REDIRECT_NOT_SO),
        (NORMAL, lambda path: Answer(404), Code.NOT_PROBED),
        (NORMAL, lambda path: Answer(trouble="no answer: Connection refused"), Code.NOT_PROBED),
        (CHOSEN, lambda path: Answer(302, f"https://files.test/any-one{path[2:]}"), None),
        (CHOSEN, lambda path: Answer(302, f"https://files.test/two/segments{path[2:]}"), Code.REDIRECT_NOT_SO),
        (SPELLED, lambda path: Answer(301, "/json/Zope.Interface"), None),
        (SPELLED, lambda path: Answer(301, "/json/other"), Code.REDIRECT_NOT_SO),
        (
            SPELLED,
            lambda path: Answer(200) if path.endswith("Zope.Interface") else Answer(301, "/json/Zope.Interface"),
            None,
        ),
        (SPELLED, lambda path: Answer(200), Code.REDIRECT_NOT_SO),
    ],
)
def test_an_answer_confirms_what_is_declared_or_not(
    declared: str, answer: Callable[[str], Answer], code: Code | None
) -> None:
    def backend(question: Question) -> Answer:
        if question.path == question.path.lower():
            return Answer(404)
        return (
            answer(question.path) if f'"{question.path[: question.path.find("/", 1) + 1]}' in declared else Answer(404)
        )

    paths = {NORMAL: (), CHOSEN: ("/f/Six.whl",), SPELLED: ("/json/Zope.Interface", "/json/ZOPE_INTERFACE")}
    found = probe(ruleset(declared), backend, *paths[declared])
    assert codes(found) == ([] if code is None else [code])
    words = {None: "1 are confirmed", Code.NOT_PROBED: "1 could not be tried", Code.REDIRECT_NOT_SO: "1 are not so"}
    assert words[code] in found.verdict


@pytest.mark.parametrize("declared", [(), (NORMAL,)])
def test_a_backend_that_does_not_answer_is_told_of(declared: tuple[str, ...]) -> None:
    found = probe(ruleset(*declared), lambda _: Answer(trouble="no answer: Connection refused"))
    assert codes(found) == [Code.NOT_PROBED]
    assert found.problems[0].why.endswith(": no answer: Connection refused.")
    assert found.problems[0].remedy == "start the backend, or say where it is now: --backend NAME=PLACE."
    assert "of them not answered; " in found.verdict


def test_the_last_line_says_that_the_proof_knows_nothing_of_what_was_seen() -> None:
    found = probe(ruleset(), lambda question: Answer(302, "/a") if question.path == "/b" else Answer(200), "/b")
    assert found.verdict.endswith(" undeclared seen: no verdict above knows of them")


def test_what_is_not_so_shows_the_answer() -> None:
    (problem,) = probe(ruleset(NORMAL), lambda q: Answer(200 if "S" in q.path else 404)).problems
    assert problem.message == "site does not redirect /simple/Six/ as declared"
    assert problem.why.startswith("it answered 200; declared is 301 to /simple/{name|pep503}/")
    assert problem.evidence is not None
    assert problem.evidence.witness == "GET https://pypi.test/simple/Six/"


def test_a_backend_that_no_rule_asks_is_not_asked() -> None:
    head = ruleset(NORMAL).sources["rules.yaml"].partition("rules:\n")[0]
    text = f"{head}rules:\n  - {{name: all, match: {{path: '/{{rest*}}'}}, respond: {{status: 204}}}}\n"
    found = probe(parse_ruleset(text, "rules.yaml", base=Path("/srv")), site)
    assert [(each.code, each.why) for each in found.problems] == [(Code.NOT_PROBED, "no rule asks this backend.")]


# -- what is not ----------------------------------------------------------------------------------------------------


def pasted(found: Probed) -> list[str]:
    return [each.remedy.partition(": - ")[2] for each in found.problems if each.code is Code.UNDECLARED_REDIRECT]


def test_a_redirect_that_nobody_declared_is_told_as_a_declaration() -> None:
    found = probe(ruleset(), site, "/simple/PyYAML/", "/project/six", "/project/yarl")
    assert pasted(found) == [
        '{path: "/simple/{project}/", where: {project: {not_normalized: lower}}, to: "/simple/{project|lower}/", '
        "status: 301, lifetime: 10m}",
        '{path: "/project/{part2}", to: "/project/{part2}/", status: 301}',
    ]
    assert "(safe_lower and pep503 would fit as well)" in found.problems[0].remedy


def test_what_is_pasted_is_read_and_confirmed() -> None:
    paths = ("/simple/PyYAML/", "/project/six", "/project/yarl")
    again = probe(ruleset(*pasted(probe(ruleset(), site, *paths))), site, *paths)
    assert (again.problems, "of 2 declared redirects 2 are confirmed" in again.verdict) == ((), True)


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ({"/a": "/b"}, ['{path: "/a", to: "/b", status: 301}']),
        ({"/a": "/a/", "/b": "/b/"}, ['{path: "/a", to: "/a/", status: 301}', '{path: "/b", to: "/b/", status: 301}']),
        (
            {"/p/a": "https://x.test/a", "/p/b": "https://x.test/b"},
            ['{path: "/p/{part2}", to: "https://x.test/{part2}", status: 301}'],
        ),
        ({"/p/a": "/q/1/a", "/p/b": "/q/2/b"}, ['{path: "/p/{part2}", to: "/q/{chosen2}/{part2}", status: 301}']),
        (
            {"/p/zope_interface": "/p/Zope.Interface", "/p/six": "/p/Six"},
            ['{path: "/p/{part2}", to: "/p/{part2|respelled}", status: 301}'],
        ),
        (
            {"/p/Zope_I": "/p/zope-i", "/p/B.C": "/p/b-c"},
            ['{path: "/p/{part2}", where: {part2: {not_normalized: pep503}}, to: "/p/{part2|pep503}", status: 301}'],
        ),
        (
            {"/p?a=1": "/x", "/p?a=2": "/y"},
            [
                '{path: "/p", query: {"a": "1"}, to: "/x", status: 301}',
                '{path: "/p", query: {"a": "2"}, to: "/y", status: 301}',
            ],
        ),
        ({"/p?a=1&b=1": "/x", "/p?a=1&b=2": "/x"}, ['{path: "/p", query: {"a": "1"}, to: "/x", status: 301}']),
        ({"/p": "/x?y=1"}, ['{path: "/p", to: "/x?y=1", status: 301}']),
        ({"/p": "mailto:nobody"}, []),
    ],
)
def test_a_declaration_says_as_little_more_than_was_seen_as_can_be(moves: dict[str, str], expected: list[str]) -> None:
    def backend(question: Question) -> Answer:
        where_to = moves.get(question.target)
        return Answer(404) if where_to is None else Answer(301, where_to)

    assert pasted(probe(ruleset(), backend, *moves)) == expected
