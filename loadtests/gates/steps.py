"""The steps that are simulated: how large their blocks are, and what happens in each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from edgeproxy.migration.gates.counts import ArmCounts, Block, ShadowCounts
from loadtests.gates.drawing import Times, binomial, bursts

Step = Callable[[Random], Iterator[Block]]
_EVEN: Final = 40  # blocks of the first size; then each is so much larger than the one before:
_GROWTH: Final = 1.05


@dataclass(frozen=True, slots=True)
class Sizes:
    """The new arm's `share`, and how many looks there are: at first at each exchange of the smaller arm, then at ever
    larger blocks, so that a step is looked at on all scales.
    """

    share: float
    looks: int

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Exchanges of the new arm and of the old one, block by block."""
        size = 1 / min(self.share, 1 - self.share)
        for look in range(self.looks):
            total = round(size)
            new = min(max(round(total * self.share), 1), total - 1)
            yield new, total - new
            size *= _GROWTH if look >= _EVEN else 1


def steady(sizes: Sizes, old: float, new: float) -> Step:
    """Failures of both arms, each exchange for itself."""

    def blocks(dice: Random) -> Iterator[Block]:
        for many, others in sizes:
            yield _block(many, binomial(dice, many, new), others, binomial(dice, others, old))

    return blocks


def drifting(new_exchanges: int, old_exchanges: int, looks: int, worse_by: float = 0.0) -> Step:
    """What both arms have in common goes from 0.01 % to 5 % and back every 20 looks, and the new arm's share of the
    traffic doubles with it, as when its clients ask again; the new arm is always worse by the same.
    """

    def blocks(dice: Random) -> Iterator[Block]:
        for look in range(looks):
            is_bad = look // 20 % 2 == 1
            common = 0.05 if is_bad else 0.0001
            many = 2 * new_exchanges if is_bad else new_exchanges
            failed = binomial(dice, many, common + worse_by)
            yield _block(many, failed, old_exchanges, binomial(dice, old_exchanges, common))

    return blocks


def breaking(new_exchanges: int, old_exchanges: int, looks: int, at: int, broken: float) -> Step:
    """Both arms are well, until the new one breaks."""

    def blocks(dice: Random) -> Iterator[Block]:
        for look in range(looks):
            failed = binomial(dice, new_exchanges, broken if look >= at else 0.0001)
            yield _block(new_exchanges, failed, old_exchanges, binomial(dice, old_exchanges, 0.0001))

    return blocks


def bursting(new_exchanges: int, old_exchanges: int, looks: int, old: float, new: float, burst: int) -> Step:
    """Failures come in bursts: the causes are independent, the exchanges are not."""

    def blocks(dice: Random) -> Iterator[Block]:
        for _ in range(looks):
            failed = bursts(dice, new_exchanges, new, burst)
            yield _block(new_exchanges, failed, old_exchanges, bursts(dice, old_exchanges, old, burst))

    return blocks


def slowing(sizes: tuple[int, int], looks: int, ratio: float, spread: float, common: float = 1.0) -> Step:
    """Latencies: the new arm's are `ratio` times the old arm's. In the second half both take `common` times as long."""
    many, others = sizes
    times = {
        (factor, of_new): Times(0.02 * factor * (ratio if of_new else 1), spread)
        for factor in (1.0, common)
        for of_new in (False, True)
    }

    def blocks(dice: Random) -> Iterator[Block]:
        for look in range(looks):
            factor = common if look >= looks // 2 else 1.0
            new, old = times[factor, True].draw(dice, many), times[factor, False].draw(dice, others)
            yield Block(ArmCounts(others, 0, old), ArmCounts(many, 0, new))

    return blocks


def differing(compared: int, looks: int, share: float) -> Step:
    """Shadows, of which a share differs."""

    def blocks(dice: Random) -> Iterator[Block]:
        for _ in range(looks):
            yield Block(shadows=ShadowCounts(compared, binomial(dice, compared, share)))

    return blocks


def _block(new: int, new_failed: int, old: int, old_failed: int) -> Block:
    return Block(ArmCounts(old, old_failed), ArmCounts(new, new_failed))
