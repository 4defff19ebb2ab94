"""What is measured: each case is a set of paths, the size of the answer, and the headers pip sends for it.

Laws:
- a request is bytes, built once: every proxy gets the same ones, in pip's order of headers;
- a further case is one more entry of CASES; the origins and the store are made from the entries.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

HOST: Final = "pypi.test"


class Kind(StrEnum):
    PAGE = "page"  # the origin answers from memory
    FILE = "file"  # lies in a directory, which proxies that can serve files serve themselves


@dataclass(frozen=True, slots=True)
class Unit:
    """How CPU time per request is shown."""

    name: str
    per_second: float


MICROSECONDS: Final = Unit("µs", 1e6)
MILLISECONDS: Final = Unit("ms", 1e3)


@dataclass(frozen=True, slots=True)
class Case:
    """Paths are prefix + number + suffix. `most_connections` caps the option where answers are long: what is on
    its way when the load stops has cost CPU time, but is no completed request."""

    name: str
    title: str
    kind: Kind
    prefix: str
    suffix: str
    count: int
    size: int  # of the answer's content, in bytes
    unit: Unit = MICROSECONDS
    most_connections: int = 1024

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(f"{self.prefix}{number}{self.suffix}" for number in range(self.count))


def page_case(name: str, title: str, size: int) -> Case:
    return Case(name, title, Kind.PAGE, f"/simple/{name}-", "/", count=200, size=size)


CASES: Final = (
    page_case("pass-1k", "1 KiB page passed through", 1024),
    page_case("pass-16k", "16 KiB page passed through", 16 * 1024),
    Case(
        name="file-20m",
        title="20 MB file",
        kind=Kind.FILE,
        prefix=f"/packages/5c/0e/{'3f9a41d7' * 7}c2b8/sample-1.0.",
        suffix="-py3-none-any.whl",
        count=1,
        size=20_000_000,
        unit=MILLISECONDS,
        most_connections=4,
    ),
)

_PIP: Final = {
    "ci": None,
    "cpu": "x86_64",
    "distro": {
        "id": "bookworm",
        "libc": {"lib": "glibc", "version": "2.36"},
        "name": "Debian GNU/Linux",
        "version": "12",
    },
    "implementation": {"name": "CPython", "version": "3.11.7"},
    "installer": {"name": "pip", "version": "26.3"},
    "openssl_version": "OpenSSL 3.0.19 27 Jan 2026",
    "python": "3.11.7",
    "setuptools_version": "65.5.0",
    "system": {"name": "Linux", "release": "6.1.0-18-amd64"},
}
USER_AGENT: Final = "pip/26.3 " + json.dumps(_PIP, separators=(",", ":"), sort_keys=True)

_ACCEPT: Final = {
    Kind.PAGE: (
        ("Accept-Encoding", "gzip, deflate"),
        (
            "Accept",
            "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01",
        ),
    ),
    Kind.FILE: (("Accept-Encoding", "identity"), ("Accept", "*/*")),
}


def headers_of(case: Case) -> tuple[tuple[str, str], ...]:
    """The headers of pip 26.3, in its order."""
    return (("Host", HOST), ("User-Agent", USER_AGENT), *_ACCEPT[case.kind], ("Connection", "keep-alive"))


def requests_of(case: Case) -> tuple[bytes, ...]:
    block = "".join(f"{name}: {value}\r\n" for name, value in headers_of(case))
    return tuple(f"GET {path} HTTP/1.1\r\n{block}\r\n".encode() for path in case.paths)
