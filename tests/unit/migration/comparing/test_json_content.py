"""JSON answers, part by part."""

from __future__ import annotations

import json

import pytest
from compared import JSON, answer, found

from edgeproxy.migration.comparing.bounds import Bounds, Flaw
from edgeproxy.migration.comparing.compare import compare
from edgeproxy.migration.comparing.differences import Kind, TypeChanged, Unreadable
from edgeproxy.ruleset.modifiers import Comparison


def differences(old: str, new: str, *ignored: str) -> list[tuple[Kind, str]]:
    return found(Comparison.JSON, answer(old, JSON), answer(new, JSON), *ignored)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('{"a": 1, "b": [1, 2]}', '{ "b":[1,2],\n"a":1 }'),
        ("[1, 10, 0.5, -0.0]", "[1.0, 1e1, 5e-1, 0]"),
        ('"\\u00e9\\/"', '"é/"'),
        ("\ufeff{}", "{}"),
    ],
)
def test_the_same_is_said(old: str, new: str) -> None:
    assert differences(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('{"info": {"version": "1"}}', '{"info": {"version": "2"}}', [(Kind.CHANGED, "json:/info/version")]),
        ('{"a": 1}', "{}", [(Kind.MISSING, "json:/a")]),
        ("{}", '{"a/b": {"~": 1}}', [(Kind.ADDED, "json:/a~1b")]),
        ('{"a": 1}', '{"a": "1"}', [(Kind.TYPE_CHANGED, "json:/a")]),
        ('{"a": true}', '{"a": 1}', [(Kind.TYPE_CHANGED, "json:/a")]),
        ("[true]", "[1]", [(Kind.TYPE_CHANGED, "json:/0")]),
        ("[[0, 1], 2]", "[[false, true], 2]", [(Kind.TYPE_CHANGED, "json:/0/0"), (Kind.TYPE_CHANGED, "json:/0/1")]),
        ('{"a": null}', '{"a": []}', [(Kind.TYPE_CHANGED, "json:/a")]),
        ("1", "2", [(Kind.CHANGED, "json:")]),
        ("[1, 2, 3]", "[1, 3]", [(Kind.MISSING, "json:/1")]),
        ("[1, 3]", "[1, 2, 3]", [(Kind.ADDED, "json:/1")]),
        ("[1, 2, 3]", "[3, 2, 1]", [(Kind.REORDERED, "json:")]),
        ("[1, 2, 4]", "[1, 3, 4]", [(Kind.CHANGED, "json:/1")]),
    ],
)
def test_each_difference_has_its_path(old: str, new: str, said: list[tuple[Kind, str]]) -> None:
    assert differences(old, new) == said


def test_elements_that_have_a_name_are_compared_with_their_namesakes() -> None:
    old = '[{"filename": "a", "size": 1}, {"filename": "b", "size": 1}, {"filename": "c", "size": 1}]'
    new = '[{"filename": "c", "size": 2}, {"filename": "b", "size": 2}]'
    assert differences(old, new) == [
        (Kind.CHANGED, "json:/1/size"),
        (Kind.CHANGED, "json:/2/size"),
        (Kind.MISSING, "json:/0"),
    ]


def test_a_type_is_told_in_words_of_json() -> None:
    (difference,) = compare(Comparison.JSON, answer('{"a": null}', JSON), answer('{"a": 1.5}', JSON))
    assert difference == TypeChanged("json:/a", "json:/a", "null", "number")


def test_what_is_ignored_is_taken_out_of_both_sides_first() -> None:
    old = '{"info": {"downloads": {"day": 1}}, "urls": [{"n": 1, "downloads": 5}, {"n": 2, "downloads": 6}]}'
    new = '{"info": {}, "urls": [{"n": 2, "downloads": 9}, {"n": 1, "downloads": 8}]}'
    ignored = ("json:/info/downloads", "json:/urls/*/downloads")
    assert differences(old, new, *ignored) == [(Kind.REORDERED, "json:/urls")]
    assert differences(old, new, *ignored, "json:/urls") == []


def test_a_star_is_any_one_part_and_a_name_with_one_is_escaped() -> None:
    old, new = '{"a": {"*": 1, "b": 1}}', '{"a": {"*": 2, "b": 2}}'
    assert differences(old, new, "json:/a/~2") == [(Kind.CHANGED, "json:/a/b")]
    assert differences(old, new, "json:/*/b") == [(Kind.CHANGED, "json:/a/~2")]
    assert differences(old, new, "json:/a/*") == []
    assert differences(old, new, "json:/*/*/*") == [(Kind.CHANGED, "json:/a/~2"), (Kind.CHANGED, "json:/a/b")]


def test_patterns_have_stars_where_other_documents_have_other_names() -> None:
    old = '{"releases": {"1.0": [{"size": 1}]}, "info": {"name": "a"}}'
    new = '{"releases": {"1.0": [{"size": 2}]}, "info": {"name": "b"}}'
    assert [each.pattern for each in compare(Comparison.JSON, answer(old, JSON), answer(new, JSON))] == [
        "json:/releases/*/*/size",
        "json:/info/name",
    ]


def test_an_object_of_many_members_of_one_type_is_a_map() -> None:
    old, new = ({f"a{n}": side for n in range(40)} for side in (1, 2))
    assert patterns(old, new) == {"json:/*"}
    assert patterns({**old, "b": "x"}, {**old, "b": "y"}) == {"json:/b"}
    assert patterns({"md5_digest": 1, "zope.interface": 1}, {"md5_digest": 2}) == {"json:/md5_digest", "json:/*"}


def patterns(old: object, new: object) -> set[str]:
    differences = compare(Comparison.JSON, answer(json.dumps(old), JSON), answer(json.dumps(new), JSON))
    return {each.pattern for each in differences}


def test_a_serial_is_no_difference() -> None:
    assert differences('{"last_serial": 1}', '{"last_serial": 2}') == []


@pytest.mark.parametrize(
    ("content", "flaw"),
    [
        (b"{", Flaw.SYNTAX),
        (b"", Flaw.SYNTAX),
        (b"[NaN]", Flaw.SYNTAX),
        (b"[-Infinity]", Flaw.SYNTAX),
        (b"[" + b"9" * 5000 + b"]", Flaw.SYNTAX),
        (b'["\xff"]', Flaw.ENCODING),
        ('["a"]'.encode("utf-16"), Flaw.ENCODING),
        (b'{"a": 1, "a": 1}', Flaw.TWICE),
        (b"[" * 65 + b"]" * 65, Flaw.TOO_DEEP),
        (b"[" * 1_000_000, Flaw.TOO_DEEP),
        (b'{"a":' * 100_000, Flaw.TOO_DEEP),
        (b"[" + b"0," * 1000 + b"0]", Flaw.TOO_MANY),
        (b"[" + b"[]," * 1000 + b"0]", Flaw.TOO_MANY),
    ],
)
def test_what_cannot_be_read_is_a_finding(content: bytes, flaw: Flaw) -> None:
    (difference,) = compare(Comparison.JSON, answer("{}", JSON), answer(content, JSON), bounds=Bounds(nodes=500))
    assert isinstance(difference, Unreadable)
    assert difference.flaw is flaw


def test_depth_counts_to_the_level() -> None:
    old, new = answer("[" * 64 + "]" * 64, JSON), answer("[" * 64 + "1" + "]" * 64, JSON)
    assert found(Comparison.JSON, old, new)[0][0] is Kind.ADDED


def test_large_numbers_are_shown_in_short() -> None:
    (difference,) = compare(Comparison.JSON, answer("9" * 4000, JSON), answer("1e999", JSON))
    assert "bits" in repr(difference)
    assert "inf" in repr(difference)


@pytest.mark.parametrize(
    ("old", "new", "left"),
    [
        (
            '{"a": "", "b": {"c": null}}',
            '{"a": null, "b": {}}',
            [(Kind.MISSING, "json:/b")],
        ),  # {"c": null} was not empty
        ('{"a": "", "b": [{"c": []}], "d": 0}', '{"b": [{}], "d": 0, "e": {}}', []),
        ('{"a": ""}', '{"a": "x"}', [(Kind.ADDED, "json:/a")]),
        ('{"urls": [1]}', '{"urls": []}', [(Kind.MISSING, "json:/urls")]),
        ('{"a": null}', '{"a": false}', [(Kind.ADDED, "json:/a")]),
        ('{"a": 0}', "{}", [(Kind.MISSING, "json:/a")]),
        ('[""]', "[null]", [(Kind.TYPE_CHANGED, "json:/0")]),
        ('""', "null", [(Kind.TYPE_CHANGED, "json:")]),
    ],
)
def test_what_is_empty_may_be_what_is_not_there(old: str, new: str, left: list[tuple[Kind, str]]) -> None:
    assert differences(old, new, "json:empty") == left
