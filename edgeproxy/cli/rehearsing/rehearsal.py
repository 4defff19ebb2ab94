"""A whole rehearsal: from a ruleset to what is said of it.

Law: it has passed when nothing that was found is an error (nor a warning, if these are to count), nothing that was to
be walked was left out, and of each rule that asks somebody something real was walked, unless none of it has to be.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from edgeproxy.cli.rehearsing.captured import Capture
from edgeproxy.cli.rehearsing.courses import Walked, walk_all
from edgeproxy.cli.rehearsing.findings import found_in
from edgeproxy.cli.rehearsing.found import problems
from edgeproxy.cli.rehearsing.held import by_url, flips, redirects_of
from edgeproxy.cli.rehearsing.starts import Starts, starts_of
from edgeproxy.cli.rehearsing.unwalked import unwalked
from edgeproxy.cli.rehearsing.walk import Ask, Heard, Refused, Undecided, Walk
from edgeproxy.cli.rehearsing.walking import Walking
from edgeproxy.cli.rehearsing.wire import Bounds, Wire
from edgeproxy.migration.rehearsal import HeldRedirect
from edgeproxy.proxy.plan import Pass
from edgeproxy.ruleset.checker.checking import Checking
from edgeproxy.ruleset.checker.expectations import expectations
from edgeproxy.ruleset.checker.severity import Severity, severity_of
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.probing.asking import Asking
from edgeproxy.ruleset.probing.findings import probed
from edgeproxy.ruleset.probing.question import Answer, Question
from edgeproxy.ruleset.probing.witnesses import Known
from edgeproxy.ruleset.problems import Code, Problem

_OF_PROBING = frozenset((Code.UNDECLARED_REDIRECT, Code.REDIRECT_NOT_SO))


@dataclass(frozen=True, slots=True)
class Given:
    """What a rehearsal is given beside the rules."""

    known: Sequence[Known] = ()
    capture: Capture | None = None
    held: Sequence[HeldRedirect] = ()
    bounds: Bounds = field(default_factory=Bounds)
    is_strict: bool = False
    may_be_unwalked: frozenset[str] = frozenset()  # rules


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What became of it. `requests`: that backends were asked; `took`: seconds; `is_strict`: warnings count.
    `unwalked`: rules of which nothing real was walked, of which `allowed` are no problem.
    """

    ruleset: Ruleset
    walked: Sequence[Walked]
    problems: Sequence[Problem]
    capture: Capture | None
    requests: int
    began: float
    took: float
    is_strict: bool = False
    unwalked: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()

    @property
    def walks(self) -> list[Walk]:
        return [walk for walked in self.walked for walk in walked.walks]

    @property
    def left_out(self) -> int:
        """Walks that bounds cut off."""
        cut = sum(isinstance(walk.ending, Undecided) and walk.ending.is_bound for walk in self.walks)
        return cut + sum(walked.beyond for walked in self.walked)

    @property
    def refused(self) -> list[Walk]:
        return [walk for walk in self.walks if isinstance(walk.ending, Refused)]

    @property
    def has_failed(self) -> bool:
        return bool(self.number_of(Severity.ERROR) or (self.is_strict and self.number_of(Severity.WARNING)))

    @property
    def has_passed(self) -> bool:
        return not self.has_failed and not self.left_out

    def number_of(self, severity: Severity) -> int:
        return sum(severity_of(problem.code) is severity for problem in self.problems)


async def rehearse(ruleset: Ruleset, given: Given) -> Rehearsed:
    """Raises TooManyFacets."""
    began, ticks = time.time(), time.monotonic()
    checking = Checking(ruleset)
    captured = () if given.capture is None else given.capture.shapes
    starts = starts_of(checking.ground, given.known, captured, began)
    walking, heard = Walking(ruleset), _Heard(ruleset)
    async with Wire(ruleset, given.bounds) as wire:

        async def ask(wanted: Ask) -> Heard:
            answer = await wire.ask(wanted)
            heard.note(wanted, answer)
            return answer

        turns = asyncio.Semaphore(2 * given.bounds.at_once)  # so that nobody waits for a start that is walked alone

        async def in_turn(number: int) -> Walked:
            async with turns:
                return await walk_all(walking, starts.starts[number], ask)

        walked = await asyncio.gather(*map(in_turn, range(len(starts.starts))))
        requests = wire.sent
    walks = [walk for one in walked for walk in one.walks]
    held = by_url([*redirects_of(walks, began), *given.held], began)
    found = [each for one in walked for each in found_in(one)]
    found += [each for walk in walks for each in flips(walk, held, began)]
    missing = unwalked(ruleset, walked, starts.unfound)
    allowed = tuple(name for name in missing if name in given.may_be_unwalked)
    said = [
        *expectations(checking).findings,
        *problems(found),
        *_unfound(starts, missing),
        *(problem for name, problem in missing.items() if name not in allowed),
        *_secret(ruleset, given),
        *heard.problems(),
    ]
    said.sort(key=lambda each: (each.place.file, each.place.line))
    took = time.monotonic() - ticks
    return Rehearsed(
        ruleset, walked, said, given.capture, requests, began, took, given.is_strict, tuple(missing), allowed
    )


def _unfound(starts: Starts, told: Container[str]) -> list[Problem]:
    return [
        Problem(
            Code.NOT_WALKED,
            rule.place,
            f"the rule {rule.name!r} was not walked",
            f"no request of it was found: {why}.",
            "name one as a case of `expect`.",
        )
        for rule, why in starts.unfound
        if rule.name not in told
    ]


def _secret(ruleset: Ruleset, given: Given) -> list[Problem]:
    found = {} if given.capture is None else given.capture.secret
    return [
        Problem(
            Code.NOT_WALKED,
            ruleset.rules[index].place,
            f"{hits:,} captured {'requests' if hits > 1 else 'request'} of the rule {ruleset.rules[index].name!r} "
            f"{'were' if hits > 1 else 'was'} not walked",
            "what looks like a secret is in the URL or the body, and is sent to nobody.",
            "name one like it without: --path, or a case of `expect`.",
        )
        for index, hits in found.items()
    ]


class _Heard:
    """What backends answered, for what `check --probe` finds in it."""

    def __init__(self, ruleset: Ruleset) -> None:
        self._ruleset = ruleset
        self._rules = {rule.name: rule for rule in ruleset.rules}
        self._answered: dict[object, tuple[Question, Answer]] = {}

    def note(self, ask: Ask, heard: Heard) -> None:
        plan, request = ask.plan, ask.request
        if not isinstance(plan, Pass) or request.call is not None or plan.method not in ("GET", "HEAD"):
            return
        if heard.failure is not None or heard.unasked is not None:
            return
        path, mark, query = plan.target.partition("?")
        asked = Question(
            plan.backend,
            plan.method,
            path,
            query if mark else None,
            plan.host,
            request.target,
            self._rules[plan.rule],
        )
        answer = Answer(heard.status, heard.location, heard.cache_control)
        self._answered.setdefault(asked.identity, (asked, answer))

    def problems(self) -> list[Problem]:
        found = probed(self._ruleset, Asking((), 0), list(self._answered.values()))
        return [problem for problem in found.problems if problem.code in _OF_PROBING]
