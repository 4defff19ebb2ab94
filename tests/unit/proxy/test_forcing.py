"""Edge-Arm: what it says, and to whom it is not listened."""

from __future__ import annotations

import pytest

from edgeproxy.proxy.forcing import side_of
from edgeproxy.proxy.plan import Answer
from edgeproxy.ruleset.arms import Side

TOKEN = b"0123456789abcdef"


@pytest.mark.parametrize(
    ("said", "side"),
    [
        ("to 0123456789abcdef", Side.NEW),
        ("from 0123456789abcdef", Side.OLD),
        ("to \t 0123456789abcdef", Side.NEW),
    ],
)
def test_who_knows_the_token_says_the_arm(said: str, side: Side) -> None:
    assert side_of(said, TOKEN) is side


@pytest.mark.parametrize(
    "said",
    [
        "",
        "to",
        "0123456789abcdef",
        "to 0123456789abcdeF",
        "to 0123456789abcde",
        "to 0123456789abcdef0",
        "TO 0123456789abcdef",
        "modern 0123456789abcdef",
        "to 0123456789abcdef, from 0123456789abcdef",  # sent twice
        "to 0123456789abcdef to",
        "to \xff\xff",
    ],
)
def test_anybody_else_is_refused_and_told_no_more(said: str) -> None:
    answer = side_of(said, TOKEN)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body) == (403, b"Edge-Arm is not `from` or `to` with the token of this edge.\n")


def test_while_there_is_no_token_nobody_says_it() -> None:
    answer = side_of("to 0123456789abcdef", None)
    assert isinstance(answer, Answer)
    assert answer.status == 503
