from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from backends.legacy.answers import Answer, FileAnswer
from backends.legacy.dispatch import Facts
from backends.legacy.files import Span, file_answer, is_at, span_of
from backends.store import File, Store


@pytest.fixture
def file(store: Store) -> File:
    found = store.file_named("flask-0.12.2.tar.gz")
    assert found is not None
    return found


def test_a_file_is_at_its_hash_and_at_the_address_of_the_time_before(file: File) -> None:
    digest = file.blake2b_256
    assert is_at(file, (digest[:2], digest[2:4], digest[4:], "flask-0.12.2.tar.gz"))
    assert is_at(file, ("source", "F", "Flask", "flask-0.12.2.tar.gz"))


@pytest.mark.parametrize(
    "parts",
    [
        ("source", "f", "Flask", "flask-0.12.2.tar.gz"),
        ("source", "F", "flask", "flask-0.12.2.tar.gz"),
        ("source", "Z", "Flask", "flask-0.12.2.tar.gz"),
        ("2.7", "F", "Flask", "flask-0.12.2.tar.gz"),
        ("any", "F", "Flask", "flask-0.12.2.tar.gz"),
        ("00", "00", "0" * 60, "flask-0.12.2.tar.gz"),
        ("x", "source", "F", "Flask", "flask-0.12.2.tar.gz"),
        ("flask-0.12.2.tar.gz",),
    ],
)
def test_a_file_is_nowhere_else(file: File, parts: tuple[str, ...]) -> None:
    assert not is_at(file, parts)


@pytest.mark.parametrize(
    ("wanted", "span"),
    [
        (None, None),
        ("bytes=0-9", Span(0, 10)),
        ("Bytes=0-0", Span(0, 1)),
        ("bytes=90-", Span(90, 10)),
        ("bytes=90-1000", Span(90, 10)),
        ("bytes=-10", Span(90, 10)),
        ("bytes=-1000", Span(0, 100)),
        ("bytes=100-", "unsatisfiable"),
        ("bytes=100-200", "unsatisfiable"),
        ("bytes=-0", "unsatisfiable"),
        ("bytes=-", None),
        ("bytes=9-0", None),
        ("bytes=0-1,5-6", None),
        ("lines=0-1", None),
        ("bytes=a-b", None),
        ("bytes=\u0661-", None),
        (f"bytes={'9' * 5000}-", None),
    ],
)
def test_a_range_of_a_hundred_bytes(wanted: str | None, span: Span | Literal["unsatisfiable"] | None) -> None:
    assert span_of(wanted, 100) == span


def test_nothing_of_an_empty_file_can_be_satisfied() -> None:
    assert span_of("bytes=0-", 0) == span_of("bytes=-5", 0) == "unsatisfiable"


def test_an_entity_tag_is_compared_without_quotes(file: File) -> None:
    bare = file_answer(file, Path("x"), 7, Facts("/", if_none_match=file.md5))
    quoted = file_answer(file, Path("x"), 7, Facts("/", if_none_match=f'"{file.md5}"'))
    assert isinstance(bare, Answer)
    assert bare.status == 304
    assert ("ETag", f'"{file.md5}"') in bare.headers
    assert isinstance(quoted, FileAnswer)
    assert quoted.status == 200


@pytest.mark.parametrize(("if_range", "status"), [(None, 206), ("its tag", 206), ('"other"', 200)])
def test_a_range_is_heeded_if_the_file_is_still_the_same(file: File, if_range: str | None, status: int) -> None:
    given = f'"{file.md5}"' if if_range == "its tag" else if_range
    assert file_answer(file, Path("x"), 7, Facts("/", byte_range="bytes=0-4", if_range=given)).status == status
