"""One run: bring in what the edge is to have, let the load settle, measure, and gather what every process saw.

Law: CPU times and what reached the backend are those of the measured time alone, by the machine's monotonic clock.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loadtests.bench.cpu import cpu_seconds
from loadtests.bench.processes import REPOSITORY
from loadtests.edge2018.load import Phase, Settings, command
from loadtests.edge2018.maker import Observed
from loadtests.edge2018.origin import reached_at
from loadtests.edge2018.stand import Stand


class MakerFailed(Exception):
    """The load maker did not do its work; the message says what it printed."""


@dataclass(frozen=True, slots=True)
class CpuUse:
    """Cores that were in use, in the mean, during the measured time."""

    edge: float
    maker: float
    origin: float
    machine: float  # everything that ran on it

    @property
    def others(self) -> float:
        return max(0.0, self.machine - self.edge - self.maker - self.origin)


@dataclass(frozen=True, slots=True)
class Filled:
    """What was brought in before."""

    requests: int
    seconds: float
    faults: int


@dataclass(frozen=True, slots=True)
class Run:
    """All that was seen. `reached`: when requests reached the backend, in seconds after the beginning. `told`: what the
    edge wrote to its log, beside that it is ready."""

    filled: Filled
    seen: Observed
    reached: tuple[float, ...]
    cpu: CpuUse
    told: tuple[str, ...] = ()


def run(settings: Settings, settle: float, stand: Stand, directory: Path, told: Callable[[str], None]) -> Run:
    """Raises MakerFailed, OSError."""
    filled = _fill(settings, stand, directory)
    told(f"the edge has what it is to have: {filled.requests:,} answers in {filled.seconds:.0f} s")
    with _maker(settings, Phase.LOAD, stand, directory) as maker:
        began = _beginning(maker)
        _wait_until(began + settle)
        told("measuring")
        before = _cpu_times(stand, maker.pid)
        _wait_until(began + settings.seconds)
        after = _cpu_times(stand, maker.pid)
        seen = _seen_by(maker, directory)
    reached = tuple(at - began for at in reached_at(stand.origin_port))
    took = settings.seconds - settle
    cpu = CpuUse(*((late - early) / took for early, late in zip(before, after, strict=True)))
    return Run(filled, seen, reached, cpu, tuple(_lines_of(stand.log)))


def _lines_of(log: Path) -> Iterator[str]:
    for line in log.read_text(errors="replace").splitlines():
        if line.strip() and not line.startswith("ready "):
            yield line


def _fill(settings: Settings, stand: Stand, directory: Path) -> Filled:
    with _maker(settings, Phase.FILL, stand, directory) as maker:
        began = _beginning(maker)
        seen = _seen_by(maker, directory)
    return Filled(len(seen.ended), time.monotonic() - began, len(seen.faults))


@contextmanager
def _maker(settings: Settings, phase: Phase, stand: Stand, directory: Path) -> Iterator[subprocess.Popen[str]]:
    words = command(settings, phase, stand.port, _result(directory))
    with subprocess.Popen(words, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _result(directory: Path) -> Path:
    return directory / "seen.pickle"


def _beginning(maker: subprocess.Popen[str]) -> float:
    assert maker.stdout is not None
    line = maker.stdout.readline()
    if not line:
        raise MakerFailed(f"it ended with status {maker.wait()} before it began")
    return float(line)


def _seen_by(maker: subprocess.Popen[str], directory: Path) -> Observed:
    if maker.wait() != 0:
        raise MakerFailed(f"it ended with status {maker.returncode}")
    seen: Observed = pickle.loads(_result(directory).read_bytes())
    return seen


def _wait_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


_TICKS: Final = os.sysconf("SC_CLK_TCK")


def _cpu_times(stand: Stand, maker: int) -> tuple[float, float, float, float]:
    return (cpu_seconds(stand.edge), cpu_seconds(maker), cpu_seconds(stand.origin), _machine_seconds())


def _machine_seconds() -> float:
    """All CPU time but that of idling, from /proc/stat (proc(5))."""
    user, nice, system, _idle, _wait, interrupts, soft_interrupts = map(int, _stat_line().split()[1:8])
    return (user + nice + system + interrupts + soft_interrupts) / _TICKS


def _stat_line() -> str:
    return Path("/proc/stat").read_text().partition("\n")[0]
