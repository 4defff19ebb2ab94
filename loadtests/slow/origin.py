"""The origin behind the edge: a small page, a large answer, and a place to send to (`python -m` runs it)."""

from __future__ import annotations

import sys
from typing import Final

from loadtests.bench.answering import answer_until_ended, ok
from loadtests.bench.origin import by_prefix
from loadtests.slow.attackers import LARGE

_SMALL: Final = b"x" * 1024
_MANY: Final = b"x" * (1 << 20)  # far more than the sockets on the way hold for a client that takes nothing


def _answer(body: bytes) -> bytes:
    return ok((("Content-Type", "text/plain"), ("Content-Length", str(len(body)))), body)


_ANSWERS: Final = {LARGE.encode(): _answer(_MANY), b"/": _answer(_SMALL)}  # the first that a path begins with


if __name__ == "__main__":
    answer_until_ended(by_prefix(_ANSWERS), int(sys.argv[1]))
