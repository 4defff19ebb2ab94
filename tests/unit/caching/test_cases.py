"""The cache's cases against the pure functions (tests/cache_cases/README.md says how they are written)."""

from __future__ import annotations

import pytest
from cache_cases.cases import Case
from cache_cases.checking import disagreements
from cache_cases.reading import HERE, Malformed, all_cases, read
from cache_model import CacheModel

CASES = all_cases()


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_case(case: Case) -> None:
    cache = CacheModel(case.rules)
    wrong = [
        text for place, step in enumerate(case.steps) for text in disagreements(case, place, step, cache.take(step))
    ]
    assert not wrong, "\n".join(wrong)


def test_there_are_cases_for_each_topic() -> None:
    topics = {path.stem for path in HERE.glob("*.yaml")}
    assert {"freshness", "age", "credentials", "vary", "validation", "ranges", "poisoning"} <= topics
    assert len(CASES) >= 220


_GOOD = """
rfc: "9111 §4.2"
cases:
- name: it is kept
  steps:
  - {ask: GET /a, origin: {cc: max-age=60, body: one}, gets: {outcome: miss}}
"""


def test_a_case_is_read() -> None:
    (case,) = read(_GOOD, "some.yaml")
    assert (case.name, case.rfc, case.place) == ("it is kept", "9111 §4.2", "some.yaml:4")
    assert case.steps[0].request == b"GET /a HTTP/1.1\r\nHost: pypi.test\r\n\r\n"


@pytest.mark.parametrize(
    ("good", "bad", "why"),
    [
        ("gets:", "got:", "it lacks `gets`"),
        ("outcome: miss", "outcome: mis", "'mis' is not a valid Outcome"),
        ("outcome: miss", "outcome: uncacheable", "an `uncacheable` says `why`"),
        ("outcome: miss", "outcome: hit", "it says that a copy is given, and not its `body`"),
        ("body: one", "body: no", "`body` is False, and no str"),
        ("body: one", "content: one", "nobody knows what `content` means"),
        ("ask: GET /a", "ask: GET", "`ask` is a method and a target"),
        ("ask: GET /a", "ask: GET /a, at: soon", "`at` is 'soon', and no number"),
        ("ask: GET /a", "ask: GET /a, with: [Cookie]", "`with` holds 'Cookie', which is no field line"),
        ("origin:", "may_ask: true, organ:", "it says what the origin sees, and the origin has no answer"),
        ("- name: it is kept", "- nam: it is kept", "it lacks `name`"),
    ],
)
def test_a_malformed_case_is_refused_with_its_place(good: str, bad: str, why: str) -> None:
    with pytest.raises(Malformed) as refused:
        read(_GOOD.replace(good, bad), "some.yaml")
    assert str(refused.value).startswith("some.yaml:4")
    assert why in str(refused.value)
