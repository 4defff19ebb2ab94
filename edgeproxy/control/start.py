"""What a worker is started with: the texts and maps of the rules, not their files, which may have changed since."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeproxy.control.garbage import uncollected
from edgeproxy.ruleset.load import Overrides, parse_ruleset
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.moves import Moves


@dataclass(frozen=True, slots=True)
class RuleText:
    """A rule file as it was read, with those that it includes: their texts by name, and the maps that they name.
    `unchecked`: and not checked.
    """

    texts: Mapping[str, str]
    maps: Mapping[Path, Moves]
    path: Path
    overrides: Overrides
    generation: int
    unchecked: bool = False

    def compile(self) -> Ruleset:
        """Raises RuleFileError."""
        name = str(self.path)
        with uncollected():
            return parse_ruleset(
                self.texts[name],
                name,
                base=self.path.absolute().parent,
                included=self.texts,
                maps=self.maps,
                overrides=self.overrides,
                generation=self.generation,
            )


@dataclass(frozen=True, slots=True)
class Start:
    """All that a worker needs to know. `sockets` are its descriptors, one or more for each listener; `rates`: that of
    the table in which workers count together, if a rule has a rate; `beat`: seconds between signs of life; `grace`:
    seconds for running exchanges when it drains without being told how long; `purges`: the log of purges of all;
    `shares`: of cutovers that are not at rest, as the `Move` with the number `move` said; `capture`: likewise, what the
    `Tap` with the number `tap` said; `lessons`: what is known of the noise of old sides, a text.
    """

    rules: RuleText
    sockets: tuple[tuple[int, ...], ...]
    access_log: Path | None
    grace: float
    beat: float
    rates: int | None = None
    purges: int | None = None
    shares: dict[str, int] = field(default_factory=dict)
    move: int = 0
    lessons: str = ""
    capture: dict[str, Any] | None = None
    tap: int = 0

    @property
    def fds(self) -> tuple[int, ...]:
        """What a worker inherits."""
        sockets = tuple(fd for fds in self.sockets for fd in fds)
        return (*sockets, *(fd for fd in (self.rates, self.purges) if fd is not None))

    def write(self) -> int:
        """A new descriptor from which it can be read. Pickled: both ends are the same program, one of them the other's
        child, and nobody else can write there.
        """
        fd = os.memfd_create("edgeproxy start")
        with os.fdopen(fd, "wb", closefd=False) as file:  # a map may be longer than one write takes
            pickle.dump(self, file, protocol=5)
        os.lseek(fd, 0, os.SEEK_SET)
        return fd


def read_start(fd: int) -> Start:
    with os.fdopen(fd, "rb") as file:
        start = pickle.load(file)
    assert isinstance(start, Start)
    return start
