"""The ledger: uses that add up, whoever counted them, and nothing of a client that lets anybody in."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeproxy.migration.ledger import (
    MOST_USES_OF_RULE,
    OTHERS,
    Leave,
    Ledger,
    Needed,
    Use,
    leave_of,
    needed_once,
    read_words,
)
from edgeproxy.ruleset.read_path import parse_path_template

NOW = 1_523_890_800.0


def used(
    path: str = "/simple/flask/", agent: str = "pip/9.0.3", now: float = NOW, template: str = ""
) -> tuple[Use, Needed]:
    parsed = parse_path_template(template) if template else None
    return needed_once("legacy", "simple", "status", path, parsed, "192.0.2.77", agent, now)


def test_a_use_names_the_shape_and_the_family_and_its_last_one_in_detail() -> None:
    ledger = Ledger([used(), used("/simple/django/", "pip/10.0", NOW + 5), used("/simple/six/", "twine/1.11", NOW + 1)])
    (pip, needed), (twine, _) = ledger
    assert (pip.shape, pip.family, twine.family) == ("/simple/{name}/", "pip", "twine")
    assert needed == Needed(2, NOW, NOW + 5, "/simple/django/", "192.0.2.0/24", "pip/10.0")


def test_the_rules_template_says_the_shape_best() -> None:
    assert used(template="/simple/{project}/")[0].shape == "/simple/{project}/"


def test_secrets_are_taken_out_before_anything_is_kept() -> None:
    token = "pypi-AgEIcHlwaS5vcmcCJDAwMDAwMDAw"
    words = json.dumps(Ledger([used(f"/simple/{token}/", f"tool/1 token={token}")]).words())
    assert token not in words
    assert "192.0.2.77" not in words


SECRET = "hunter2andmore"


@pytest.mark.parametrize(
    "agent", ["password is PW", "mine/1 -p PW", "token%3APW", "pin\xa0PW", "PW is my password", "a q8Zr3Vt6Yw9AbPW"]
)
def test_nor_is_what_a_client_tells_in_words(agent: str) -> None:
    for before in ("", "x" * 280 + " "):
        words = json.dumps(Ledger([used(agent=before + agent.replace("PW", SECRET))]).words())
        assert "hunter2" not in words


@pytest.mark.parametrize(
    "path",
    ["/me:PW@h.test/", "/re%73et/PW", "/reset%252FPW", "/password%20is%20PW", "/q8Zr3Vt6Yw9AbPW/a", "/a;pw=PW/b"],
)
def test_nor_is_what_stands_in_a_path(path: str) -> None:
    assert "hunter2" not in json.dumps(Ledger([used(path.replace("PW", SECRET))]).words())


def test_a_rules_uses_beyond_the_most_are_counted_together_and_under_its_name() -> None:
    ledger = Ledger()
    for number in range(MOST_USES_OF_RULE + 10):
        use, needed = used()
        ledger.add(use._replace(shape=f"/{number}"), needed)
    ledger.add(*used(now=NOW + 1))
    others = dict(ledger)[Use("simple", "legacy", "status", OTHERS, OTHERS)]
    assert (len(ledger), others.count, others.last) == (MOST_USES_OF_RULE + 1, 11, NOW + 1)
    ledger.add(used()[0]._replace(rule="another"), used()[1])
    assert "another" in {use.rule for use, _ in ledger}


def test_who_adds_up_ledgers_changes_none_of_them() -> None:
    one, two = Ledger([used()]), Ledger([used()])
    for _ in range(3):
        whole = Ledger(one)
        for use, needed in two:
            whole.add(use, needed)
        assert [needed.count for _, needed in whole] == [2]


def test_what_was_taken_is_not_there_any_more() -> None:
    ledger = Ledger([used()])
    assert len(ledger.take()) == 1
    assert len(ledger) == 0


NEEDED = st.builds(
    Needed, st.integers(1, 9), st.floats(0, 10), st.floats(0, 10), st.just("/"), st.just("::/48"), st.sampled_from("ab")
)
USES = st.lists(st.tuples(st.builds(Use, *[st.sampled_from("xy")] * 5), NEEDED), max_size=12)


@given(USES, st.integers(0, 12))
def test_two_ledgers_make_one_however_the_uses_were_shared_out(uses: list[tuple[Use, Needed]], at: int) -> None:
    def copied(part: list[tuple[Use, Needed]]) -> Ledger:
        return read_words(Ledger(part).words())

    whole = copied([(use, Needed(*(getattr(needed, name) for name in Needed.__slots__))) for use, needed in uses])
    first, second = copied(uses[:at]), copied(uses[at:])
    for use, needed in second:
        first.add(use, needed)
    assert [(use, needed.count, needed.first, needed.last) for use, needed in first] == [
        (use, needed.count, needed.first, needed.last) for use, needed in whole
    ]


@pytest.mark.parametrize(
    "words",
    [None, {}, [1], [{}], [{**Ledger([used()]).words()[0], "more": 1}], [{**Ledger([used()]).words()[0], "count": 0}]],
)
def test_words_of_another_version_are_refused(words: object) -> None:
    with pytest.raises(ValueError, match="ledger"):
        read_words(words)


def test_words_come_back_as_they_went() -> None:
    ledger = Ledger([used(), used(agent="")])
    assert read_words(json.loads(json.dumps(ledger.words()))).words() == ledger.words()


@pytest.mark.parametrize(
    ("last", "since", "leave"),
    [
        (None, 0.0, Leave.EMPTY),
        (None, 901.0, Leave.UNKNOWN),
        (900.0, 0.0, Leave.EMPTY),
        (901.0, 0.0, Leave.NEEDED),
        (950.0, 940.0, Leave.NEEDED),
    ],
)
def test_the_old_side_may_go_when_nothing_has_needed_it_for_long_enough(
    last: float | None, since: float, leave: Leave
) -> None:
    uses = Ledger() if last is None else Ledger([(used()[0], replace(used()[1], first=1.0, last=last))])
    assert leave_of(uses, since, now=1_000.0, time=100.0, is_sent=False) is leave
    told = leave_of(uses, since, now=1_000.0, time=100.0, is_sent=True)
    assert told is (Leave.NEEDED if leave is Leave.NEEDED else Leave.SENT)
