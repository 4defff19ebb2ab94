"""The load maker's process: `python -m loadtests.edge2018.load SETTINGS RESULT` carries out what the settings say.

It prints when it began, on the monotonic clock, and leaves what it saw as a pickle: the parent reads its own file.
"""

from __future__ import annotations

import gc
import json
import pickle
import sys
from array import array
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from loadtests.edge2018.maker import Maker, Observed, Way
from loadtests.edge2018.population import PROJECTS, Population, population
from loadtests.edge2018.schedule import Schedule, arrivals, kept_before

_MODULE: Final = "loadtests.edge2018.load"
_FILLING: Final = Way(connections=64, most=64, per_connection=1_000)


class Phase(StrEnum):
    FILL = "fill"  # all that the edge is to have before, as fast as it can
    LOAD = "load"


@dataclass(frozen=True, slots=True)
class Settings:
    """All that decides what is asked for and when. `uptime`: seconds that the edge is to have carried this load before;
    `room`: octets of files that it can have by then."""

    seed: int
    mean: int  # octets of content
    rate: float
    seconds: float
    uptime: float
    room: int
    connections: int
    per_connection: int
    projects: int = PROJECTS

    def population(self) -> Population:
        return population(self.seed, self.mean, self.projects)

    def schedule(self, phase: Phase, asked_for: Population) -> Schedule:
        if phase is Phase.LOAD:
            return arrivals(asked_for, self.seed + 1, self.rate, self.seconds)
        kept = kept_before(asked_for, self.seed + 2, self.rate, self.uptime, self.room)
        return Schedule(array("d", bytes(8 * len(kept))), kept)

    def way(self, phase: Phase) -> Way:
        return _FILLING if phase is Phase.FILL else Way(self.connections, 20 * self.connections, self.per_connection)


def command(settings: Settings, phase: Phase, port: int, result: Path) -> tuple[str, ...]:
    return (sys.executable, "-m", _MODULE, json.dumps(asdict(settings)), phase, str(port), str(result))


def main() -> None:
    settings = Settings(**json.loads(sys.argv[1]))
    phase, port, result = Phase(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    asked_for = settings.population()
    schedule = settings.schedule(phase, asked_for)
    gc.collect()
    gc.freeze()
    gc.disable()
    seen: Observed = Maker(port, asked_for, settings.way(phase), schedule).carry_out(_tell)
    result.write_bytes(pickle.dumps(seen))


def _tell(began: float) -> None:
    print(began, flush=True)


if __name__ == "__main__":
    main()
