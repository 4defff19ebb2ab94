"""The origin of the cases in which a cache is measured: it counts what reaches it (`python -m` runs it).

Laws:
- it answers the paths of the cached cases alone; anything else is 404, and counted as well;
- its answers say that they may be kept for an hour, and have the validators that let a client's copy be confirmed;
- there is no Vary: HAProxy keeps answers that vary by Accept-Encoding only.
"""

from __future__ import annotations

import sys
from asyncio import Transport
from collections.abc import Mapping
from email.utils import formatdate
from typing import Final

from loadtests.bench.answering import NOT_FOUND, answer_until_ended, asked, ok, told
from loadtests.bench.cases import CASES, Case, etag_of
from loadtests.bench.origin import CONTENT_TYPE, content_of_size

COUNT: Final = "/-/count"  # how many other requests came so far
_MODIFIED: Final = "Mon, 16 Apr 2018 15:00:00 GMT"


def command_of_counting(port: int) -> tuple[str, ...]:
    return (sys.executable, "-m", "loadtests.bench.counting", str(port))


def count_at(port: int) -> int:
    """What the origin at this port counted so far. Raises OSError when there is none."""
    return int(asked(port, COUNT))


class CountingOrigin:
    """All connections together."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self._sizes = sizes
        self._answered = 0

    def answer(self, target: bytes, out: Transport) -> None:
        path = target.decode("latin-1")
        if path == COUNT:
            out.write(told(str(self._answered).encode()))
            return
        self._answered += 1
        size = self._sizes.get(path)
        out.write(NOT_FOUND if size is None else answer(path, size))


def answer(path: str, size: int) -> bytes:
    fields = (
        ("Date", formatdate(usegmt=True)),
        ("Content-Type", CONTENT_TYPE),
        ("Content-Length", str(size)),
        ("Cache-Control", "max-age=3600, public"),
        ("ETag", etag_of(path)),
        ("Last-Modified", _MODIFIED),
        ("X-PyPI-Last-Serial", "31415926"),
        ("Connection", "keep-alive"),
    )
    return ok(fields, content_of_size(size))


def sizes_of(case: Case) -> dict[str, int]:
    return {path: case.size_of(number) for number, path in enumerate(case.paths)}


def main() -> None:
    sizes: dict[str, int] = {}
    for case in CASES:
        if case.cached:
            sizes.update(sizes_of(case))
    answer_until_ended(CountingOrigin(sizes).answer, int(sys.argv[1]))


if __name__ == "__main__":
    main()
