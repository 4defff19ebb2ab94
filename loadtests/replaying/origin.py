"""What is asked: pages of 1 KiB at once, or, `--stall 1 --every 10`, nothing for one second in ten."""

from __future__ import annotations

import argparse
import asyncio
import time
from asyncio import Transport
from collections.abc import Sequence

from loadtests.bench.answering import answer_until_ended, ok

PAGE = ok(
    (
        ("Content-Type", "application/vnd.pypi.simple.v1+json"),
        ("Content-Length", "1024"),
        ("Cache-Control", "max-age=600, public"),
        ("X-PyPI-Last-Serial", "31415926"),
        ("Backend-Writes", "0"),
    ),
    b"0123456789abcdef" * 64,
)


class Stalling:
    """All connections wait for the end of the same stall."""

    def __init__(self, stall: float, every: float) -> None:
        self._stall = stall
        self._every = every
        self._began = time.monotonic()

    def answer(self, _target: bytes, transport: Transport) -> None:
        at = (time.monotonic() - self._began) % self._every if self._stall else self._every
        left = at - (self._every - self._stall)
        if 0 <= left < self._stall:
            asyncio.get_running_loop().call_later(self._stall - left, transport.write, PAGE)
        else:
            transport.write(PAGE)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m loadtests.replaying.origin", description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--stall", type=float, default=0.0, help="seconds (0: never)")
    parser.add_argument("--every", type=float, default=10.0, help="seconds (10)")
    given = parser.parse_args(arguments)
    answer_until_ended(Stalling(given.stall, given.every).answer, given.port)


if __name__ == "__main__":
    main()
