"""Long answers made in steps: whoever else asks is answered in between.

Laws of this module:
- what is read of the store in two steps may be of two states of it;
- a step takes some milliseconds. What cannot be divided is one step.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, nullcontext
from typing import TypeAlias, TypeVar

T = TypeVar("T")

Steps: TypeAlias = Generator[None, None, T]  # yields between steps, and returns the answer


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
