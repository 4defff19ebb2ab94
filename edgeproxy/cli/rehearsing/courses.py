"""A start, walked by every course: each arm in turn, and each backend that somebody stands in for taken to fail.

Law: which courses there are is found on the way. The first walk shows the forks and the guarded backends; a walk by
another arm may show more. What is beyond the bound is counted, and never passes for walked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final

from edgeproxy.cli.rehearsing.walk import Ask, Course, Heard, Start, Walk
from edgeproxy.cli.rehearsing.walking import Walking

MOST_COURSES: Final = 24  # of one start

Asks = Callable[[Ask], Awaitable[Heard]]


@dataclass(frozen=True, slots=True)
class Walked:
    """The walks of one start, the first one first. `beyond`: courses that were left out."""

    start: Start
    walks: tuple[Walk, ...]
    beyond: int = 0


async def walk_all(walking: Walking, start: Start, ask: Asks) -> Walked:
    waiting, known = deque([Course()]), {Course()}
    walks: list[Walk] = []
    while waiting and len(walks) < MOST_COURSES:
        walk = await _walk(walking, start, waiting.popleft(), ask)
        walks.append(walk)
        for course in others(walk):
            if course not in known:
                known.add(course)
                waiting.append(course)
    return Walked(start, tuple(walks), len(waiting))


def others(walk: Walk) -> Iterator[Course]:
    """The courses that a walk shows. One backend fails at a time."""
    course = walk.course
    for fork in walk.forks:
        for backend in fork.others:
            if dict(course.arms).get(fork.name) is None:
                yield course.with_arm(fork.name, backend)
    if course.down is None:
        for backend in walk.guarded:
            yield course.with_down(backend)


async def _walk(walking: Walking, start: Start, course: Course, ask: Asks) -> Walk:
    going = walking.walk(start, course)
    try:
        wanted = next(going)
        while True:
            wanted = going.send(await ask(wanted))
    except StopIteration as done:
        walk: Walk = done.value
        return walk
