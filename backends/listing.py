"""Lists as XML-RPC tells them, written as they are read: of 100,000 projects 8 MB, in steps of some milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Final, TypeVar

from backends.marshalling import ARRAY, ARRAY_END, STRUCT, STRUCT_END, Written, member, number, string
from backends.steps import Steps
from backends.store import Project

AT_ONCE: Final = 1_000

T = TypeVar("T")


def names(told: Iterable[str]) -> Steps[Written]:
    """An array of texts."""
    return _written(told, lambda name: f"{string(name)}\n", (ARRAY, ARRAY_END))


def rows(told: Iterable[Sequence[str | int]]) -> Steps[Written]:
    """An array of arrays, as of a name and a version."""
    return _written(told, _row, (ARRAY, ARRAY_END))


def serials(told: Iterable[Project]) -> Steps[Written]:
    """A struct of names and serials."""
    return _written(told, lambda project: member(project.name, number(project.serial)), (STRUCT, STRUCT_END))


def _row(values: Sequence[str | int]) -> str:
    told = [f"{string(value) if isinstance(value, str) else number(value)}\n" for value in values]
    return f"<value><array><data>\n{''.join(told)}</data></array></value>\n"


def _written(told: Iterable[T], write: Callable[[T], str], around: tuple[bytes, bytes]) -> Steps[Written]:
    begin, end = around
    pieces, left = [begin], iter(told)
    while some := [write(each) for each in islice(left, AT_ONCE)]:
        pieces.append("".join(some).encode())
        yield
    return Written((*pieces, end))
