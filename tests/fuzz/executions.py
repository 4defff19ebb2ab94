"""One execution by chance: octets near the table's, in pieces, to one side of the edge or the other."""

from __future__ import annotations

from random import Random

from fuzz.mutate import answer_seeds, joined, pieces_of, request_seeds
from fuzz.target import ASKED, Target

_REQUESTS, _ANSWERS = request_seeds(), answer_seeds()


def execute(target: Target, random: Random) -> None:
    """Raises what the target raises; the same chance gives the same execution."""
    is_request = random.random() < 0.6
    octets = joined(random, _REQUESTS if is_request else _ANSWERS)
    pieces = [octets] if random.random() < 0.7 else pieces_of(random, octets)
    if is_request:
        target.check_requests(pieces)
    else:
        target.check_answers(random.choice(ASKED), pieces)
