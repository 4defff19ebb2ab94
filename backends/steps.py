"""Long answers made in steps: whoever else asks is answered in between.

Laws of this module:
- what is read of the store in two steps may be of two states of it;
- a step takes some milliseconds. What cannot be divided is one step.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import Final, TypeAlias, TypeVar

T = TypeVar("T")

Steps: TypeAlias = Generator[None, None, T]  # yields between steps, and returns the answer

_PIECES_A_STEP: Final = 2_000


async def taken(steps: Steps[T], around_each: Callable[[], AbstractContextManager[None]] = nullcontext) -> T:
    while True:
        try:
            with around_each():
                next(steps)
        except StopIteration as end:
            answer: T = end.value
            return answer
        await asyncio.sleep(0)


def at_once(steps: Steps[T]) -> T:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            answer: T = end.value
            return answer


def joined(pieces: Iterable[str]) -> Steps[str]:
    """A long text of short ones that are made as they are asked for, as those of a template are."""
    left, told = iter(pieces), []
    while some := list(islice(left, _PIECES_A_STEP)):
        told.append("".join(some))
        yield
    return "".join(told)


def timed(steps: Steps[T], clock: Callable[[], float]) -> Steps[tuple[T, float]]:
    """With the seconds that they took themselves, without what others did in between."""
    spent = 0.0
    while True:
        begun = clock()
        try:
            next(steps)
        except StopIteration as end:
            answer: T = end.value
            return answer, spent + clock() - begun
        spent += clock() - begun
        yield
