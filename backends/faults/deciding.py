"""What the faults in force do to one request.

It is decided before the request is answered. Whether an untruth shows in the answer is known once that is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from backends.faults.distorting import Untruths
from backends.faults.model import Error, Hang, Missing, Redirect, Reset, Slow, Without, WrongHash
from backends.faults.planted import Acting

End: TypeAlias = Hang | Error | Redirect


@dataclass(slots=True)
class Decision:
    """Slowness adds up; of what stands in the place of the answer, the first counts; so does the first reset."""

    slow: list[tuple[Acting, Slow]] = field(default_factory=list)
    end: tuple[Acting, End] | None = None
    reset: tuple[Acting, Reset] | None = None
    untruths: Untruths = field(default_factory=lambda: Untruths([]))
    shown: list[Acting] = field(default_factory=list)  # what has made the answer another than the true one

    def show(self, acting: Acting) -> None:
        acting.hits += 1
        self.shown.append(acting)

    @property
    def may_be_kept(self) -> bool:
        """An answer that is only late is a true one."""
        return all(acting.fault.is_kept for acting in (*self.shown, *self.untruths.shown))


def decide(acting: Sequence[Acting]) -> Decision:
    decision = Decision()
    untruths = []
    for each in acting:
        match each.fault.effect:
            case Slow() as slow:
                decision.slow.append((each, slow))
            case Hang() | Error() | Redirect() as end:
                decision.end = decision.end or (each, end)
            case Reset() as reset:
                decision.reset = decision.reset or (each, reset)
            case Missing() | WrongHash() | Without() as untruth:
                untruths.append((each, untruth))
            case _:
                assert_never(each.fault.effect)
    decision.untruths = Untruths(untruths)
    return decision
