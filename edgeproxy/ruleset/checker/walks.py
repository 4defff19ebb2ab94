"""Walks of a client through redirects, step by step: what a reported loop is confirmed by.

Laws of this module:
- a walk is one that a client can take: its steps are the simulator's, and what it takes for them fits together: on
  one host it is on one arm of a split (a redirect out of memory asks for no arm), at one moment, from one address;
- it loops where it asks again what it has asked; one that asks something new for longer than clients follow is
  endless, as far as any client can tell, and so is one whose URL grows past what the edge takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from edgeproxy.ruleset.arms import is_known_by_host
from edgeproxy.ruleset.checker.asked import Asked
from edgeproxy.ruleset.checker.hops import Declared, Lead
from edgeproxy.ruleset.checker.simulate import Simulator, Step
from edgeproxy.ruleset.follow import MOST_HOPS
from edgeproxy.ruleset.limits import DEFAULT_LIMITS
from edgeproxy.ruleset.model import RedirectMap

Arms = tuple[tuple[str, str], ...]  # of a split, on a host where that matters, the backend
_MOST_STEPS: Final = 3_000
_ROUTINGS: Final = 16  # of what a memory holds: they count as one step of a walk
_LONGEST: Final = DEFAULT_LIMITS.target


@dataclass(frozen=True, slots=True)
class Walk:
    """The steps of a loop; or, if endless, of a walk that does not come back."""

    steps: tuple[Step, ...]
    is_endless: bool

    @property
    def leads(self) -> tuple[Lead, ...]:
        return tuple(step.lead for step in self.steps)

    @property
    def by(self) -> frozenset[Identity]:
        """The redirects that take part."""
        return frozenset(_identity(step) for step in self.steps)

    @property
    def signature(self) -> tuple[object, ...]:
        """The same for walks by the same leads, wherever they begin."""
        if self.is_endless:
            return ("endless", *sorted({_identity(step) for step in self.steps}))
        identities = [_identity(step) for step in self.steps]
        whole = _shortest_period(identities)
        return ("loop", *min(whole[at:] + whole[:at] for at in range(len(whole))))

    def rotated(self, at: int) -> Walk:
        return Walk(self.steps[at:] + self.steps[:at], self.is_endless)


Identity = tuple[int, int, str, str]


def _identity(step: Step) -> Identity:
    """Each pair of a map is a redirect of its own."""
    return (*step.lead.identity, step.asked.path if isinstance(step.lead.source, RedirectMap) else "")


class Walker:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._done: set[tuple[Asked, Arms]] = set()
        self.spent = 0

    def walks(self, start: Asked) -> Iterator[Walk]:
        """The loops and endless walks that are met from a request; those met before are not told again."""
        self._left = _MOST_STEPS
        yield from self._from(start, (), {}, [])

    def _from(self, asked: Asked, arms: Arms, at: dict[tuple[Asked, Arms], int], steps: list[Step]) -> Iterator[Walk]:
        key = (asked, arms)
        begun = next((number for (other, _), number in at.items() if other == asked), None)
        if begun is not None:
            yield Walk(tuple(steps[begun:]), is_endless=False)
            return
        if key in self._done or self._left <= 0:
            return
        if len(steps) > MOST_HOPS or (steps and len(asked.path) + len(asked.query or "") > _LONGEST):
            yield Walk(tuple(steps), is_endless=True)
            return
        at[key] = len(steps)
        routed = self._simulator.remembered_for
        for step in self._simulator.steps(asked):
            asked_memory = self._simulator.remembered_for - routed
            routed += asked_memory
            self._left -= 1 + asked_memory // _ROUTINGS
            self.spent += 1 + asked_memory
            taken = self.arms_after(arms, step)
            if step.following is not None and taken is not None:
                steps.append(step)
                yield from self._from(step.following, taken, at, steps)
                steps.pop()
        del at[key]
        self._done.add(key)

    @staticmethod
    def arms_after(arms: Arms, step: Step) -> Arms | None:
        """The arms that the client is on if it takes this step too, and how authors would spell their projects; None:
        it cannot be.
        """
        for project, spelled in step.spellings:
            if dict(arms).get(f"spelling {project}", spelled) != spelled:
                return None
            arms = tuple(sorted({*arms, (f"spelling {project}", spelled)}))
        source = step.lead.source
        if not step.lead.is_bound_to_arm or not isinstance(source, Declared) or source.arm is None:
            return arms
        split = f"{source.arm.name} {step.asked.host if is_known_by_host(source.arm) else ''}"
        known = dict(arms).get(split)
        if known is None:
            return tuple(sorted((*arms, (split, source.backend.name))))
        return arms if known == source.backend.name else None


def _shortest_period(identities: list[Identity]) -> list[Identity]:
    for length in range(1, len(identities) + 1):
        if len(identities) % length == 0 and identities == identities[:length] * (len(identities) // length):
            return identities[:length]
    return identities
