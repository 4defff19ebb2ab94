"""Differences as JSON, and their paths."""

from __future__ import annotations

import json

import pytest

from edgeproxy.migration.comparing.bounds import Flaw
from edgeproxy.migration.comparing.differences import (
    Added,
    Changed,
    Difference,
    Kind,
    Missing,
    More,
    NoAnswer,
    Reordered,
    Side,
    StatusChanged,
    TypeChanged,
    Unlisted,
    Unreadable,
    from_json,
    header_at,
    kind_of,
    root,
    shown,
    to_json,
)
from edgeproxy.migration.specimen import Silence

EVERY: list[Difference] = [
    StatusChanged(200, 404),
    NoAnswer(Side.NEW, Silence.TIMEOUT),
    Missing("json:/a/0", "json:/a/*", "1"),
    Added("json:/a/0", "json:/a/*", "1"),
    Changed("header:vary", "header:vary", "a", "b"),
    TypeChanged("json:/a", "json:/a", "null", "string"),
    Reordered("json:/urls", "json:/urls"),
    Unreadable(Side.NEW, Flaw.SYNTAX, "line 1"),
    Unlisted(7),
    More("json:/rows/*/v", "json:/rows/*/v", Kind.CHANGED, 3),
]


@pytest.mark.parametrize("difference", EVERY, ids=kind_of)
def test_a_difference_comes_back_from_json(difference: Difference) -> None:
    assert from_json(json.loads(json.dumps(to_json(difference)))) == difference


def test_there_is_one_of_each_kind() -> None:
    assert [kind_of(each) for each in EVERY] == list(Kind)


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"kind": "worse"},
        {"kind": "missing", "path": "a"},
        {"kind": "status changed", "old": "x", "new": 1},
        {"kind": "no answer", "side": "new", "why": "lazy"},
        {"kind": "unreadable", "side": "left", "flaw": "syntax", "why": ""},
    ],
)
def test_anything_else_is_refused(found: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="this is no difference"):
        from_json(found)


def test_a_part_of_a_path_is_one_whatever_is_in_it() -> None:
    at = root("json").part("a/b").part("*", is_free=True).part("~")
    assert at == ("json:/a~1b/~2/~0", "json:/a~1b/*/~0")
    assert header_at("vary") == ("header:vary", "header:vary")


def test_a_part_and_a_value_have_a_bound() -> None:
    assert len(root("json").part("x" * 10_000).path) < 300
    assert shown("x" * 10_000) == "x" * 199 + "…"
    assert shown("\udcff é") == "\\udcff é"
