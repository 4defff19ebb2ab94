"""The origin behind the edge: a small page, a large answer, and a place to send to (`python -m` runs it)."""

from __future__ import annotations

import sys
from typing import Final

from loadtests.bench.listening import serve_until_ended
from loadtests.bench.origin import OwnOrigin
from loadtests.slow.attackers import LARGE

_SMALL: Final = b"x" * 1024
_MANY: Final = b"x" * (1 << 20)  # far more than the sockets on the way hold for a client that takes nothing


def _answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


_ANSWERS: Final = {LARGE.encode(): _answer(_MANY), b"/": _answer(_SMALL)}  # the first that a path begins with


if __name__ == "__main__":
    serve_until_ended(lambda: OwnOrigin(_ANSWERS), int(sys.argv[1]))
