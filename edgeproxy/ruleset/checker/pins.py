"""Pins of cutovers that no client can fit, since those before them take all that they could take.

Law: a pin looks at headers and the client's address alone. Each of these is made finite by what the pins of one cutover
tell apart, so that a pin is a box; membership is the edge's own predicate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgeproxy.ruleset.arms import Cutover, Pin
from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.checker.boxes import Box, includes, meet, outside_all
from edgeproxy.ruleset.checker.checking import Checking, Said
from edgeproxy.ruleset.checker.clients import clients
from edgeproxy.ruleset.checker.values import ANY_HEADER, Texts
from edgeproxy.ruleset.conditions import holds
from edgeproxy.ruleset.matching import ClientIn, Facts, HeaderIs
from edgeproxy.ruleset.problems import Code, Problem, Related


def pins(checking: Checking) -> Said:
    return Said(tuple(problem for cutover in checking.ruleset.cutovers for problem in _of(cutover)))


def _of(cutover: Cutover) -> Iterator[Problem]:
    if not cutover.pins:
        return
    try:
        space = _Space(cutover.pins)
    except Unsupported as error:
        yield Problem(
            Code.UNDECIDED,
            cutover.pins[0].place,
            f"whether every pin of {cutover.name!r} can have clients is not decided",
            f"{error}.",
            "make these conditions simpler, or fewer.",
        )
        return
    earlier: list[tuple[Pin, Box]] = []
    for pin in cutover.pins:
        box = space.box(pin)
        if box is None or not outside_all(box, [each for _, each in earlier]):
            yield _dead(cutover, pin, [] if box is None else _covering(box, earlier))
        else:
            earlier.append((pin, box))


class _Space:
    """What the pins of one cutover tell apart: addresses, and for each header that they look at its values."""

    def __init__(self, pins: Sequence[Pin]) -> None:
        """Raises Unsupported."""
        conditions = [each for pin in pins for each in pin.conditions]
        self._clients = clients(it for each in conditions if isinstance(each, ClientIn) for it in each.networks)
        looked: dict[str, list[HeaderIs]] = {}
        for each in conditions:
            if isinstance(each, HeaderIs):
                looked.setdefault(each.name, []).append(each)
        self._texts = {name: Texts([each.value for each in its], ANY_HEADER) for name, its in looked.items()}

    def box(self, pin: Pin) -> Box | None:
        """None: nobody fits."""
        address = (1 << len(self._clients)) - 1
        headers = {name: (1 << len(texts.values)) - 1 for name, texts in self._texts.items()}
        for each in pin.conditions:
            if isinstance(each, HeaderIs):
                headers[each.name] &= self._texts[each.name].mask(each.value)
            else:
                fitting = (holds(each, Facts(client=client)) for client in self._clients)
                address &= sum(1 << at for at, fits in enumerate(fitting) if fits)
        box = (address, *headers.values())
        return box if all(box) else None


def _covering(box: Box, earlier: Sequence[tuple[Pin, Box]]) -> list[Pin]:
    """One that takes all of it, or else those that take some."""
    whole = next((pin for pin, its in earlier if includes(its, box)), None)
    return [whole] if whole is not None else [pin for pin, its in earlier if meet(its, box) is not None]


def _dead(cutover: Cutover, pin: Pin, by: Sequence[Pin]) -> Problem:
    related = [Related(each.place, f"this one takes {'them' if len(by) == 1 else 'some of them'}") for each in by]
    if by:
        why = "of the pins that a client fits the first counts, and those before it take all of its clients."
        remedy = "move it before them, or remove it."
    else:
        why, remedy = "no client has all that it asks for.", "correct it, or remove it."
    return Problem(
        Code.DEAD_PIN,
        pin.place,
        f"a pin of {cutover.name!r} can never match",
        why,
        remedy,
        related[0] if related else None,
        tuple(related[1:]),
    )
