"""What the arms did, as plain counts that merge: of workers, of nodes, of time after time.

What is counted: exchanges for which the arm's backend was asked, when they are over; not copies from a cache, nor what
its client gave up at once. What is a failure: an answer of 500 or above, one that breaks off, a redirect that leads
back, and none (no connection, no head in time, also by the time of a client that leaves, a reset), also where a
fallback or a stale copy then stood in. A timeout has a latency, the time that was waited: to leave it out would make an
arm that hangs look fast. Other failures have none: a 500 in 2 ms is no fast answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgeproxy.migration.gates.histogram import Histogram


@dataclass(slots=True)
class ArmCounts:
    """Of one arm. `late`: by how many more, or less, exchanges wait for an answer than when it was told before: all of
    them add up to how many wait now. Nobody knows yet what becomes of these. `unwatched`: so many more began while too
    many waited, and are in `late` never; they count when they are over, as all do.
    """

    exchanges: int = 0
    failures: int = 0
    latency: Histogram = field(default_factory=Histogram)
    late: int = 0
    unwatched: int = 0

    def note_answer(self, seconds: float) -> None:
        """An answer below 500, and the time to its head."""
        self.exchanges += 1
        self.latency.note(seconds)

    def note_failure(self) -> None:
        self.exchanges += 1
        self.failures += 1

    def note_timeout(self, waited: float) -> None:
        """Also a failure."""
        self.note_failure()
        self.latency.note(waited)

    def add(self, other: ArmCounts) -> None:
        self.exchanges += other.exchanges
        self.failures += other.failures
        self.late += other.late
        self.unwatched += other.unwatched
        self.latency.add(other.latency)

    def as_json(self) -> dict[str, Any]:
        latency = sorted(map(list, self.latency.counts.items()))
        return {
            "exchanges": self.exchanges,
            "failures": self.failures,
            "late": self.late,
            "unwatched": self.unwatched,
            "latency": latency,
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> ArmCounts:
        latency = Histogram((int(bucket), int(count)) for bucket, count in found["latency"])
        late, unwatched = (int(found.get(name, 0)) for name in ("late", "unwatched"))
        return cls(int(found["exchanges"]), int(found["failures"]), latency, late, unwatched)


@dataclass(slots=True)
class ShadowCounts:
    """Of shadows whose answer was compared; `different` are those with a difference that is no noise. `lost`: as many
    more could not be compared, so that nobody knows.
    """

    compared: int = 0
    different: int = 0
    lost: int = 0

    def add(self, other: ShadowCounts) -> None:
        self.compared += other.compared
        self.lost += other.lost
        self.different += other.different

    def as_json(self) -> dict[str, int]:
        return {"compared": self.compared, "different": self.different, "lost": self.lost}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> ShadowCounts:
        return cls(int(found["compared"]), int(found["different"]), int(found.get("lost", 0)))


@dataclass(slots=True)
class Block:
    """What happened between two looks: a second, say. The arms are compared block by block, so a block is short against
    the time in which what both arms have in common changes.
    """

    old: ArmCounts = field(default_factory=ArmCounts)
    new: ArmCounts = field(default_factory=ArmCounts)
    shadows: ShadowCounts = field(default_factory=ShadowCounts)

    def add(self, other: Block) -> None:
        self.old.add(other.old)
        self.new.add(other.new)
        self.shadows.add(other.shadows)

    def as_json(self) -> dict[str, Any]:
        return {"old": self.old.as_json(), "new": self.new.as_json(), "shadows": self.shadows.as_json()}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Block:
        return cls(
            ArmCounts.from_json(found["old"]),
            ArmCounts.from_json(found["new"]),
            ShadowCounts.from_json(found["shadows"]),
        )


def merged(blocks: Iterable[Block]) -> Block:
    """The block of all workers, of which each has counted its own."""
    total = Block()
    for block in blocks:
        total.add(block)
    return total
