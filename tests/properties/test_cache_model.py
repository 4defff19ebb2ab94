"""Whatever is asked, answered, and whenever: a cache gives nothing that a naive reading of RFC 9111 does not allow.

The runs are random requests, answers and clocks; they go through the pure functions (`cache_model`) and through a real
edge (`cache_play`), and what is given is held against the list of all past answers (`naive_cache`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import uvloop
from cache_cases.cases import Gets, Origin, OriginAnswer, Seen, Step, written
from cache_cases.reading import rules_of
from cache_model import CacheModel
from cache_play import playing
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_cache import NaiveCache, Policy

from edgeproxy.caching.outcomes import Outcome

TARGETS = ("/a", "/a", "/a", "/a?x=1", "/b")
SECONDS = (0, 1, 5, 10, 30)
ANY = Gets(())  # nothing is expected of a single step


@dataclass(frozen=True)
class Run:
    """One rule, and what happens under it."""

    policy: Policy
    steps: tuple[Step, ...]

    @property
    def rules(self) -> str:
        return rules_of(self.policy.block, {})

    def __repr__(self) -> str:
        return f"{self.policy}\n" + "\n".join(map(_told, self.steps))


def _told(step: Step) -> str:
    answers = (
        step.origin if isinstance(step.origin, Origin) else [f"{each.status} {each.lines}" for each in step.origin]
    )
    return f"  {step.at:g}: {step.method} {step.target} {step.lines} <- {answers}"


_OPTIONAL = st.one_of(st.none(), st.none(), st.sampled_from(SECONDS))
POLICIES = st.builds(
    Policy,
    fresh=_OPTIONAL.filter(lambda value: value != 0),
    negative=_OPTIONAL.filter(lambda value: value != 0),
    stale_while_revalidate=_OPTIONAL,
    stale_if_error=_OPTIONAL,
    heed_clients=st.booleans(),
)

# Mostly what lets an answer be kept and given: what forbids it ends the matter, and little is learned of it.
_DIRECTIVES = st.lists(
    st.one_of(
        st.builds("max-age={}".format, st.sampled_from((5, 10, 30, 30, 60))),
        st.builds("s-maxage={}".format, st.sampled_from((0, 10, 30))),
        st.sampled_from(("stale-while-revalidate=5", "stale-while-revalidate=30", "stale-if-error=30")),
        st.sampled_from(("public", "public", "must-revalidate", "proxy-revalidate", "no-cache", "immutable")),
        st.sampled_from(("public", "no-transform", "private", "no-store", "max-age=0")),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda text: text.partition("=")[0],
)

_WISHES = st.sampled_from(
    ["no-cache", "no-store", "max-age=0", "max-age=5", "max-stale", "max-stale=10", "only-if-cached", "min-fresh=5"]
)


@st.composite
def _request_lines(draw: st.DrawFn) -> tuple[str, ...]:
    lines = []
    for name, values in (
        ("Authorization", ("Basic YTpi", "Basic Yzpk")),
        ("Cookie", ("s=1", "s=2")),
        ("Accept-Language", ("de", "en", "de, en", "de,en")),
        ("X-A", ("1", "2")),
    ):
        if draw(st.integers(0, 5)) == 0:
            lines.append(f"{name}: {draw(st.sampled_from(values))}")
    if draw(st.integers(0, 5)) == 0:
        lines.append(f"Cache-Control: {draw(_WISHES)}")
    return tuple(lines)


@st.composite
def _answer_lines(draw: st.DrawFn, at: float) -> tuple[str, ...]:
    """What an answer says of being kept."""
    lines = []
    if draw(st.integers(0, 4)):
        directives = draw(_DIRECTIVES)
        lines.append(f"Cache-Control: {', '.join(directives)}")
    rare = st.integers(0, 7).map(lambda number: number == 7)
    if draw(rare):
        lines.append(f"Expires: <{int(at) + draw(st.sampled_from((-5, 5, 30)))}>")
    if draw(rare):
        lines.append(f"Last-Modified: <{int(at) - draw(st.sampled_from((50, 200)))}>")
    if draw(rare):
        lines.append(f"Age: {draw(st.sampled_from((0, 4, 20)))}")
    if draw(rare):
        lines.append("Set-Cookie: s=3")
    if draw(st.booleans()):
        lines.append(
            f"Vary: {draw(st.sampled_from(('X-A', 'Accept-Language', 'Cookie', 'X-A, Accept-Language', '*')))}"
        )
    return tuple(map(written, lines))


@st.composite
def _origin(draw: st.DrawFn, at: float, number: int, tags: Iterable[str]) -> tuple[OriginAnswer, ...] | Origin:
    """One answer, under a name of its own; before it, in half of the cases, a 304 to who names an earlier one's tag."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return Origin.DOWN
    date = at + draw(st.sampled_from((0, 0, 0, -4, 4)))
    after = draw(st.sampled_from((0, 0, 0, 3)))
    status = draw(st.sampled_from((200, 200, 200, 200, 200, 200, 404, 302, 500, 503, 400)))
    lines = draw(_answer_lines(at))
    has_tag = status == 200 and draw(st.integers(0, 2)) > 0
    name = f"n{number}"
    own = (*lines, f"X-Number: {name}", *((f'ETag: "{name}"',) if has_tag else ()))
    whole = OriginAnswer(status, own, _content(name), date=date, after=after)
    unchanged = tags if kind % 2 == 1 else ()
    is_mistaken = kind == 9  # its 304 is of another version than it was asked for
    return (*(_not_modified(tag, lines, whole, is_mistaken=is_mistaken) for tag in unchanged), whole)


def _content(name: str) -> bytes:
    """Of a length that no other has: a HEAD's answer can be told from that to another version by it."""
    return name.encode() + b"." * int(name[1:])


def _not_modified(tag: str, lines: tuple[str, ...], whole: OriginAnswer, *, is_mistaken: bool) -> OriginAnswer:
    says = (*lines, f'ETag: "{"other" if is_mistaken else tag}"')
    condition = f'If-None-Match: "{tag}"\r\n'
    return OriginAnswer(304, says, date=whole.date, after=whole.after, if_value=condition)


@st.composite
def runs(draw: st.DrawFn) -> Run:
    steps: list[Step] = []
    at = 0.0
    for number in range(draw(st.integers(3, 12))):
        at += draw(st.sampled_from((3, 3, 4, 5, 8, 12, 31)))
        method = draw(st.sampled_from(("GET",) * 8 + ("HEAD", "POST")))
        target = draw(st.sampled_from(TARGETS))
        tags = [f"n{earlier}" for earlier, step in enumerate(steps) if step.target == target]
        steps.append(
            Step(
                at=at,
                method=method,
                target=target,
                gets=ANY,
                lines=draw(_request_lines()),
                content=b"x" if method == "POST" else None,
                origin=draw(_origin(at, number, tags)),
            )
        )
    return Run(draw(POLICIES), tuple(steps))


@settings(max_examples=300)
@given(runs())
def test_the_pure_functions_give_nothing_that_the_model_does_not_allow(run: Run) -> None:
    cache, model = CacheModel(run.rules), NaiveCache(run.policy)
    is_disturbed = run.policy.heed_clients
    for step in run.steps:
        must_be_given = step.method == "GET" and not is_disturbed and model.must_be_given(step)
        seen = cache.take(step)
        _hold(model, step, seen)
        assert not (must_be_given and seen.asked), f"{_told(step)}: a fresh answer was there, and the origin was asked"
        is_disturbed = (
            is_disturbed
            or step.method == "HEAD"
            or any(asked.answer is not None and asked.answer.status == 304 for asked in seen.asked)
        )


@settings(max_examples=40)
@given(runs())
def test_a_real_edge_gives_nothing_that_the_model_does_not_allow(run: Run) -> None:
    async def play() -> None:
        model = NaiveCache(run.policy)
        async with playing(run.rules) as edge:
            for step in run.steps:
                _hold(model, step, await edge.take(step))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(play())


def _hold(model: NaiveCache, step: Step, seen: Seen) -> None:
    """An answer's content is that of its head, it was allowed, and what it says of its age is true."""
    name = next(iter(seen.values("X-Number")), None)
    if name is not None and step.method == "GET":
        assert seen.body == _content(name), f"{_told(step)}: the content of one answer under the head of another"
    why_not = model.why_not(step, seen)
    assert why_not is None, f"{_told(step)}: {why_not}"
    if seen.outcome is Outcome.HIT:
        ages = [each.age(step.now) for each in model.records if each.name == name]
        assert int(seen.values("Age")[0]) in map(int, ages)
    model.note(step, seen)
