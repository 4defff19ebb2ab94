"""Why a language cannot be had: the checker turns both into "undecided, because"."""

from __future__ import annotations


class Unsupported(ValueError):
    """Something that the automata cannot reason about; the message says what."""


class TooLarge(Unsupported):
    """An automaton of more states than the bound lets it have."""

    def __init__(self, states: int) -> None:
        super().__init__(f"it takes an automaton of more than {states} states")
        self.states = states
