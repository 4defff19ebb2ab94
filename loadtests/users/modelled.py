"""Traffic drawn from a model, as what is going to be sent: the same on every worker, since its dice are.

Law: a model has no names; what there is comes from a file that every worker reads, as `edgeproxy model names` wrote it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from pathlib import Path
from random import Random

from loadtests.users.chosen import Chosen
from replay.model.catalogue import LARGEST as LARGEST_NAMES
from replay.model.catalogue import BadNames, read_names
from replay.model.files import LARGEST, BadModel, read
from replay.model.model import Model
from replay.model.planning import Planner
from replay.planned import Planned


@dataclass(frozen=True, slots=True)
class Wish:
    """`rate`: requests a second, by more clients or fewer; None: as many as were seen. `longest`: seconds."""

    model: Path
    names: Path
    rate: float | None
    speed: float
    longest: float
    seed: int = 0


def of_model(wish: Wish) -> Chosen:
    """Raises OSError, BadModel, BadNames."""
    model = _read_model(wish.model)
    planner = _planner(wish.names)
    lacking = [f"left out: {route.name}: there are no names for it" for route in planner.lacking(model)]
    about = f"{wish.model}: {model.rate:.3g} requests a second were seen, of {model.about.clients:,} clients"
    return Chosen(partial(_played, wish, model, planner), (about, *lacking))


def _played(wish: Wish, model: Model, planner: Planner) -> Iterator[Planned]:
    more = 1.0 if wish.rate is None else wish.rate / model.rate
    arrivals = model.arrivals.scaled(more, wish.speed)
    played = planner.planned(model, Random(wish.seed), arrivals, wish.speed)
    return takewhile(lambda each: each.at < wish.longest, played)


def _planner(path: Path) -> Planner:
    try:
        return Planner(read_names(_text(path, LARGEST_NAMES)))
    except BadNames as error:
        raise BadNames(f"{path}: {error}") from None


def _read_model(path: Path) -> Model:
    try:
        return read(_text(path, LARGEST))
    except BadModel as error:
        raise BadModel(f"{path}: {error}") from None


def _text(path: Path, most: int) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        text = file.read(most + 1)
    if len(text) > most:
        raise BadModel(f"{path}: more than {most:,} characters")
    return text
