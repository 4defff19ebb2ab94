"""What a step came to, held against what its case says. Each disagreement is a line of text."""

from __future__ import annotations

from collections.abc import Iterator

from cache_cases.cases import Case, Seen, Step
from edgeproxy.caching.outcomes import Outcome

_KEPT_OUT = (Outcome.UNCACHEABLE,)


def disagreements(case: Case, place: int, step: Step, seen: Seen) -> list[str]:
    """`place` is the step's, from 0."""
    start = f"{case.place} ({case.rfc}) {case.name!r}, step {place + 1}, {step.method} {step.target} at {step.at:g}"
    return [f"{start}: {each}" for each in [*_of_answer(step, seen), *_of_origin(step, seen)]]


def _of_answer(step: Step, seen: Seen) -> Iterator[str]:
    gets = step.gets
    if not gets.is_whole:
        if seen.is_whole:
            yield "the answer looks whole, but it broke off"
        return
    if not seen.is_whole:
        yield "the answer broke off"
    if seen.status not in gets.statuses:
        yield f"status {seen.status}, not {' or '.join(map(str, gets.statuses))}"
    yield from _of_fields(step, seen)
    yield from _of_content(step, seen)
    yield from _of_outcome(step, seen)


def _of_fields(step: Step, seen: Seen) -> Iterator[str]:
    gets = step.gets
    for line in gets.lines:
        name, _, value = line.partition(":")
        wanted = [each.partition(":")[2].strip(" \t") for each in gets.lines if each.partition(":")[0] == name]
        if seen.values(name) != wanted:
            yield f"{name} is {seen.values(name)}, not {value.strip()!r}"
    for name in gets.named:
        if not seen.values(name):
            yield f"it lacks {name}"
    for name in gets.lacks:
        if seen.values(name):
            yield f"it has {name}: {seen.values(name)}"
    if gets.age is not None and seen.values("Age") != [str(gets.age)]:
        yield f"Age is {seen.values('Age')}, not {gets.age}"


def _of_content(step: Step, seen: Seen) -> Iterator[str]:
    body = step.gets.body
    if step.method == "HEAD" or seen.status in (204, 304):
        body = b""
    elif body is None and not step.gets.body_has:
        body = _passed_on(seen)
    if body is not None and seen.body != body:
        yield f"content {seen.body!r}, not {body!r}"
    for part in step.gets.body_has:
        if part not in seen.body:
            yield f"content {seen.body!r} lacks {part!r}"


def _passed_on(seen: Seen) -> bytes | None:
    """The content that an answer has when it came from the origin just now."""
    answer = seen.asked[-1].answer if seen.asked else None
    if answer is None or answer.status != seen.status or seen.outcome in (Outcome.STALE, Outcome.STALE_IF_ERROR):
        return None
    return answer.body


def _of_outcome(step: Step, seen: Seen) -> Iterator[str]:
    gets = step.gets
    if not gets.outcomes:
        return
    if seen.outcome not in gets.outcomes:
        yield f"outcome {seen.outcome} ({seen.why}), not {' or '.join(gets.outcomes)}"
    elif seen.outcome in _KEPT_OUT and gets.why and seen.why not in gets.why:
        yield f"not kept for {seen.why}, not for {' or '.join(gets.why)}"


def _of_origin(step: Step, seen: Seen) -> Iterator[str]:
    if not step.origin and seen.asked:
        yield f"the origin was asked: {seen.asked[0].head!r}"
    if step.origin and not step.may_ask and not seen.asked:
        yield "the origin was not asked"
    if not seen.asked:
        return
    lines = seen.asked[0].head.decode("latin-1").split("\r\n")
    names = {line.partition(":")[0].lower() for line in lines[1:]}
    for line in step.sees:
        if line not in lines:
            yield f"the origin does not see {line!r} in {lines}"
    for name in step.sees_not:
        if name.lower() in names:
            yield f"the origin sees {name} in {lines}"
