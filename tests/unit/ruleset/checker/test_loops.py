"""Loops: every one is found and shown step by step, and what only looks like one is proved to be none."""

from __future__ import annotations

from pathlib import Path

import pytest
from loop_cases import ENDLESS, HEAD, LEGACY, LOOPS, MODERN, PROVED_ONES, Loop, verdict_of

from edgeproxy.ruleset.checker.loops import PROVED, find_loops
from edgeproxy.ruleset.load import parse_ruleset


@pytest.mark.parametrize("case", LOOPS.values(), ids=LOOPS.keys())
def test_a_loop_is_found(case: Loop) -> None:
    verdict = verdict_of(case.rules, *case.after)
    assert verdict.line == "1 redirect loop"
    (found,) = verdict.findings
    assert found.code == "redirect-loop"
    assert found.evidence is not None
    assert (found.evidence.witness, len(found.evidence.hops), found.evidence.condition) == (
        case.witness,
        case.hops,
        case.condition,
    )


@pytest.mark.parametrize("rules", ENDLESS.values(), ids=ENDLESS.keys())
def test_a_redirect_without_end_is_found(rules: str) -> None:
    verdict = verdict_of(rules)
    assert verdict.line == "1 redirect loop"
    assert [found.code for found in verdict.findings] == ["endless-redirect"]


@pytest.mark.parametrize("rules", PROVED_ONES.values(), ids=PROVED_ONES.keys())
def test_what_only_looks_like_a_loop_is_proved_to_be_none(rules: str) -> None:
    verdict = verdict_of(rules)
    assert (verdict.line, verdict.undecided) == (PROVED, ())


def test_a_held_redirect_that_has_no_way_back_is_none() -> None:
    old = '{name: a, match: {host: app, path: "/n/{p}"}, redirect: {to: "/m/{p}", status: 301}}'
    assert verdict_of('{name: b, match: {host: app, path: "/m/{p}"}, respond: {status: 200}}', old).line == PROVED


def test_a_short_redirect_of_before_is_not_held() -> None:
    old = "{name: a, match: {host: app, path: /a}, redirect: {to: /b, status: 302}}"
    assert verdict_of("{name: b, match: {host: app, path: /b}, redirect: {to: /a}}", old).line == PROVED


def test_each_loop_is_told_once_and_counted() -> None:
    verdict = verdict_of(
        """{name: a, match: {host: app, path: /a}, redirect: {to: /b}}
           {name: b, match: {host: app, path: /b}, redirect: {to: /a}}
           {name: c, match: {host: app, path: "/c/{x}"}, redirect: {to: "/c/{x|lower}"}}"""
    )
    assert verdict.line == "2 redirect loops"
    assert [found.place.line for found in verdict.findings] == [8, 10]


WINDOWS = """{name: a, match: {host: app, path: /a}, during: {first: 10m, of_each: 1h}, redirect: {to: /b, %s}}
    {name: b, match: {host: app, path: /b}, during: {first: 10m, of_each: 1h, after: 20m}, redirect: {to: /a}}"""


@pytest.mark.parametrize("kept", ["status: 301", "lifetime: 30m"])
def test_a_redirect_that_outlives_its_window_leads_round_in_the_next(kept: str) -> None:
    verdict = verdict_of(WINDOWS % kept)
    assert verdict.line == "1 redirect loop"
    evidence = verdict.findings[0].evidence
    assert evidence is not None
    assert "while a client holds the" in (evidence.condition or "")


def test_one_that_does_not_outlive_it_is_no_loop_that_is_told() -> None:
    assert verdict_of(WINDOWS % "lifetime: 1s").findings == ()


def test_a_map_whose_location_the_rule_replaces_leads_round(tmp_path: Path) -> None:
    (tmp_path / "moves.csv").write_text("/a,https://elsewhere.test/\n/b,https://elsewhere.test/b\n")
    text = (
        HEAD
        + """rules:
  - name: moved
    match: {host: app, path: "/{rest*}"}
    redirect: {map: moves.csv}
    rewrite: {answer_headers: {Location: /a}}
"""
    )
    verdict = find_loops(parse_ruleset(text, "rules.yaml", base=tmp_path))
    assert verdict.line == "1 redirect loop"


def test_a_loop_that_can_be_gone_round_in_more_hops_is_told_once() -> None:
    old = '{name: a, match: {host: app, path: "/a/{x}"}, redirect: {to: "/a/a/{x}", status: 301}}'
    verdict = verdict_of('{name: b, match: {host: app, path: "/a/{r*}"}, redirect: {to: "/{r}"}}', old)
    assert verdict.line == "1 redirect loop"


def test_a_pair_of_a_map_leads_round(tmp_path: Path) -> None:
    (tmp_path / "moves.csv").write_text("/a,/b\n/c,/d\n/b,https://pypi.test/a\n/e,https://elsewhere.test/e\n")
    text = (
        HEAD
        + """rules:
  - {name: moved, match: {host: app, path: "/{rest*}"}, redirect: {map: moves.csv}}
"""
    )
    verdict = find_loops(parse_ruleset(text, "rules.yaml", base=tmp_path))
    assert verdict.line == "1 redirect loop"
    assert verdict.findings[0].evidence is not None
    assert [hop.url for hop in verdict.findings[0].evidence.hops] == ["https://pypi.test/a", "https://pypi.test/b"]


def test_a_pair_of_a_map_and_a_rule_lead_round(tmp_path: Path) -> None:
    (tmp_path / "moves.csv").write_text("/a,/b/x\n")
    text = (
        HEAD
        + """rules:
  - {name: moved, match: {host: app, path: "/{rest*}"}, redirect: {map: moves.csv}}
  - {name: back, match: {host: app, path: "/b/{x}"}, redirect: {to: /a}}
"""
    )
    assert find_loops(parse_ruleset(text, "rules.yaml", base=tmp_path)).line == "1 redirect loop"


def test_ten_thousand_exact_redirects_between_two_hosts_end() -> None:
    rules = [
        f'{{name: r{n}, match: {{host: app, path: "/old/{n}"}}, redirect: {{to: "https://legacy.pypi.test/new/{n}"}}}}'
        for n in range(10_000)
    ]
    rules.append('{name: back, match: {host: legacy, path: "/{r*}"}, redirect: {to: "https://pypi.test/{r}"}}')
    assert verdict_of("\n".join(rules)).line == PROVED


# -- the incidents ----------------------------------------------------------------------------------------------------

FILES_2018 = f"""backends: {{conveyor: {{{LEGACY}, redirects: [{{path: "/packages/{{a}}/{{b}}/{{rest}}/{{file}}", to: "https://pypi.test/packages/{{a}}/{{b}}/{{rest}}/{{file}}", status: 302}}]}}, store: {{{MODERN}}}}}
    {{name: old-host, match: {{host: legacy, path: "/{{rest*}}", methods: [GET, HEAD]}}, redirect: {{to: "https://pypi.test/{{rest}}", status: 301}}}}
    {{name: packages, match: {{host: app, path: "/packages/{{rest*}}", methods: [GET, HEAD]}}, redirect: {{to: "https://files.pypihosted.test/packages/{{rest}}", status: 301}}}}
    {{name: files, match: {{host: content, path: "/packages/{{a:[0-9a-f]{{2}}}}/{{b:[0-9a-f]{{2}}}}/{{rest:[0-9a-f]{{60}}}}/{{file}}", methods: [GET, HEAD]}}, forward: {{backend: %s}}, cache: {{fresh: 365d}}}}"""


def test_2018_04_16_files_that_were_not_cached_looped_between_two_hosts() -> None:
    verdict = verdict_of(FILES_2018 % "conveyor")
    assert verdict.line == "1 redirect loop"
    evidence = verdict.findings[0].evidence
    assert evidence is not None
    assert {hop.url.split("/")[2] for hop in evidence.hops} == {"pypi.test", "files.pypihosted.test"}
    assert {hop.by for hop in evidence.hops} == {"rule packages", "backend conveyor (rule files)"}
    assert evidence.condition == "when rule files has no copy in its cache (a hit would answer)"


def test_2018_04_16_a_store_that_answers_ends_it() -> None:
    assert verdict_of(FILES_2018 % "store").line == PROVED


TO_VERBATIM = """{name: json, match: {host: app, path: "/pypi/pyopenssl/json"}, redirect: {to: "/pypi/pyOpenSSL/json", status: 301}}"""
TO_NORMALISED = """{name: json, match: {host: app, path: "/pypi/{p}/json", where: {p: {not_normalized: pep503}}}, redirect: {to: "/pypi/{p|pep503}/json", status: %s}}"""


def test_2022_06_10_old_redirects_that_clients_held_led_back() -> None:
    verdict = verdict_of(TO_NORMALISED % "301", TO_VERBATIM)
    assert verdict.line == "1 redirect loop"
    found = verdict.findings[0]
    assert found.evidence is not None
    assert [hop.url for hop in found.evidence.hops] == [
        "https://pypi.test/pypi/pyOpenSSL/json",
        "https://pypi.test/pypi/pyopenssl/json",
    ]
    assert found.evidence.condition == "while a client or cache holds the 301 of old1.yaml:8 (for ever)"
    assert "waiting does not help" in found.remedy


def test_2022_06_10_serving_both_spellings_is_safe() -> None:
    both = '{name: json, match: {host: app, path: "/pypi/{p}/json"}, respond: {status: 200}}'
    assert verdict_of(both, TO_VERBATIM).line == PROVED
    assert verdict_of(TO_NORMALISED % "302").line == PROVED
