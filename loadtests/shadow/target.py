"""What a shadow's backend may be (`python -m` runs those that listen)."""

from __future__ import annotations

import sys
from asyncio import Transport
from enum import StrEnum
from typing import Final, assert_never

from loadtests.bench.answering import Answer, answer_until_ended
from loadtests.bench.origin import content_of_size

_CHUNK: Final = b"10000\r\n" + content_of_size(65_536) + b"\r\n"


class Target(StrEnum):
    NONE = "none"  # the rule has no shadow
    ANSWERS = "answers"  # as the old side does
    HANGS = "hangs"  # it takes the connection and the request, and says nothing
    BABBLES = "babbles"  # its answer has no end
    DEAD = "dead"  # nobody listens


def answer_of(target: Target) -> Answer:
    match target:
        case Target.HANGS:
            return lambda _, __: None
        case Target.BABBLES:
            return _babble
        case Target.NONE | Target.ANSWERS | Target.DEAD:
            raise ValueError(f"{target} is another program, or none")
        case _:
            assert_never(target)


def _babble(_: bytes, out: Transport) -> None:
    """More than anybody holds, in one write: the edge ends the connection long before."""
    out.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n" + _CHUNK * 1_024)


if __name__ == "__main__":
    answer_until_ended(answer_of(Target(sys.argv[1])), int(sys.argv[2]))
