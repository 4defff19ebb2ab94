"""What is played: by name, so that the tests play some of it, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from edgeproxy.migration.gates.evidence import Verdict
from edgeproxy.migration.gates.latency import LatencyGate
from edgeproxy.migration.gates.shares import DifferencesGate, ErrorsGate
from edgeproxy.migration.gates.trial import BURST
from loadtests.gates.run import Case, Judging, Peeking
from loadtests.gates.steps import Sizes, breaking, bursting, differing, drifting, slowing, steady

WORSE_BY: Final = 0.005  # the bounds of the rule file in design.md
RATIO: Final = 1.5
AT_MOST: Final = 0.001
BASES: Final = (0.0001, 0.005, 0.05)
SHARES: Final = (0.01, 0.5, 0.99)
_LOOKS: Final = 170
_BURSTS: Final = ((6, 1), (6, 6), (30, 1), (30, 6), (30, 30))  # how large they are, and what the gate is told
_PEEKING: Final = "errors, a z-test looked at all the time"


def errors(alpha: float, burst: int = 1) -> Callable[[], Judging]:
    return lambda: ErrorsGate(WORSE_BY, alpha, alpha, burst)


def latency(alpha: float) -> Callable[[], Judging]:
    return lambda: LatencyGate(RATIO, alpha, alpha, 1, rungs=())


def differences(alpha: float) -> Callable[[], Judging]:
    return lambda: DifferencesGate(AT_MOST, alpha, alpha)


def cases(alpha: float) -> Iterator[Case]:
    yield from on_the_bound(alpha, SHARES)
    yield from sound(alpha, SHARES)
    yield from worse(alpha, SHARES)
    yield from moving(alpha)
    yield from in_bursts(alpha)
    yield from broken(alpha)
    yield from slower(alpha)
    yield from different(alpha)
    yield from peeking(alpha)


def on_the_bound(alpha: float, shares: tuple[float, ...], looks: int = _LOOKS) -> Iterator[Case]:
    """Where gates are wrong the most often: any verdict is."""
    for base, share in ((base, share) for base in BASES for share in shares):
        step = steady(Sizes(share, looks), base, base + WORSE_BY)
        yield Case("errors, on the bound", _named(base, share), None, step, errors(alpha))


def sound(alpha: float, shares: tuple[float, ...], looks: int = 260) -> Iterator[Case]:
    for base, share in ((base, share) for base in BASES for share in shares):
        step = steady(Sizes(share, looks), base, base)
        yield Case("errors, no worse", _named(base, share), Verdict.PASS, step, errors(alpha))
    for base in BASES:
        step = steady(Sizes(0.01, looks), base, base)
        yield Case(f"errors, no worse, burst {BURST}", _named(base, 0.01), Verdict.PASS, step, errors(alpha, BURST))


def worse(alpha: float, shares: tuple[float, ...], looks: int = 260) -> Iterator[Case]:
    for base, share in ((base, share) for base in BASES for share in shares):
        step = steady(Sizes(share, looks), base, base + 2 * WORSE_BY)
        yield Case("errors, worse by twice the bound", _named(base, share), Verdict.FAIL, step, errors(alpha))


def moving(alpha: float) -> Iterator[Case]:
    group = "errors, 0.01 % to 5 % and back, on both arms"
    yield Case(group, "no worse", Verdict.PASS, drifting(20, 380, 1600), errors(alpha))
    yield Case(group, "on the bound", None, drifting(20, 380, 200, WORSE_BY), errors(alpha))
    late = "errors, sound for 4,000 exchanges, then broken"
    for share in (0.02, 0.1, 1.0):
        step = breaking(20, 380, 1200, 200, share)
        # The gate passes before that, which is right then: what counts is how soon the break is seen.
        yield Case(
            late,
            f"{100 * share:g} % fail",
            Verdict.FAIL,
            step,
            lambda: Unpassing(ErrorsGate(WORSE_BY, alpha, alpha, 1)),
        )


def in_bursts(alpha: float) -> Iterator[Case]:
    for burst, told in _BURSTS:
        step = bursting(30, 570, 200, 0.005, 0.005 + WORSE_BY, burst)
        name = f"bursts of {burst}, gate told {told}"
        yield Case("errors, on the bound, in bursts", name, None, step, errors(alpha, told))


def broken(alpha: float) -> Iterator[Case]:
    """Much of what the new arm is asked fails, or all of it, and at first there is a look at each request."""
    for burst in (1, BURST):
        for share in (0.01, 0.05, 0.2, 0.5, 0.9):
            step, group = steady(Sizes(share, 400), 0.0001, 1.0), f"errors, all fail, burst {burst}"
            yield Case(group, f"at {100 * share:g} %", Verdict.FAIL, step, errors(alpha, burst))
    for failing in (0.01, 0.02, 0.05, 0.1, 0.5):
        step, group = steady(Sizes(0.01, 260), 0.0001, failing), f"errors, at 1 %, burst {BURST}"
        yield Case(group, f"{100 * failing:g} % fail", Verdict.FAIL, step, errors(alpha, BURST))


def slower(alpha: float, looks: int = 60) -> Iterator[Case]:
    for spread in (0.5, 1.2):
        for ratio, wanted in ((1.0, Verdict.PASS), (RATIO, None), (2.0, Verdict.FAIL)):
            step = slowing((40, 360), looks, ratio, spread)
            yield Case("latency", f"ratio {ratio:g}, spread {spread:g}", wanted, step, latency(alpha))
    for ratio, wanted in ((1.0, Verdict.PASS), (RATIO, None)):
        step = slowing((40, 360), looks, ratio, 0.5, common=4.0)
        yield Case("latency", f"ratio {ratio:g}, both 4 times slower later", wanted, step, latency(alpha))


def different(alpha: float, looks: int = 400) -> Iterator[Case]:
    for share, wanted in ((0.0, Verdict.PASS), (0.0003, Verdict.PASS), (AT_MOST, None), (0.003, Verdict.FAIL)):
        yield Case("differences", f"{100 * share:g} % differ", wanted, differing(100, looks, share), differences(alpha))


def peeking(alpha: float) -> Iterator[Case]:
    """The usual test, for comparison."""
    step = steady(Sizes(0.5, _LOOKS), 0.05, 0.05 + WORSE_BY)
    yield Case(_PEEKING, "5 % fail, on the bound", None, step, lambda: Peeking(WORSE_BY, alpha))
    step = drifting(20, 380, 400)
    yield Case(_PEEKING, "0.01 % to 5 % and back, no worse", Verdict.PASS, step, lambda: Peeking(WORSE_BY, alpha))


def keeps_its_word(group: str, name: str) -> bool:
    """Whether what is assumed of exchanges holds in this case, so that the gate is not wrong more often than it may."""
    told = {f"bursts of {burst}, gate told {told}" for burst, told in _BURSTS if told < burst}
    return group != _PEEKING and name not in told


class Unpassing:
    """A gate that is asked for failures only."""

    def __init__(self, gate: Judging) -> None:
        self._gate = gate
        self.absorb = gate.absorb

    @property
    def verdict(self) -> Verdict:
        verdict = self._gate.verdict
        return Verdict.NOT_ENOUGH_DATA if verdict is Verdict.PASS else verdict


def _named(base: float, share: float) -> str:
    return f"{100 * base:g} % fail, new arm at {100 * share:g} %"
