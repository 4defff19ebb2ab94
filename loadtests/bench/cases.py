"""What is measured: each case is a set of paths, the size of the answer, and what is read while it runs.

Laws:
- a request is bytes, built once: every proxy gets the same ones, with pip's headers in pip's order;
- a measurement is one of a closed set, and each gives one cost: CPU time a request, or memory a connection;
- a further case is one more entry of CASES; the origins and the store are made from the entries.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from http import HTTPStatus
from typing import ClassVar, Final

from loadtests.bench.mix import order_of_requests, sizes_of_pages
from loadtests.bench.rule_file import FEW, MANY, RULE_PATHS

HOST: Final = "pypi.test"
SUBJECT: Final = "edge"  # whose ratios to the others are shown


class Kind(StrEnum):
    PAGE = "page"  # the origin answers from memory
    FILE = "file"  # lies in a directory, which proxies that can serve files serve themselves


@dataclass(frozen=True, slots=True)
class Unit:
    """How a cost in seconds or octets is shown."""

    name: str
    factor: float


MICROSECONDS: Final = Unit("µs", 1e6)
MILLISECONDS: Final = Unit("ms", 1e3)
KIB: Final = Unit("KiB", 1 / 1024)


@dataclass(frozen=True, slots=True)
class CpuTime:
    """CPU time per request under wrk's load. `most_connections` caps the option where answers are long: what is on
    its way when the load stops has cost CPU time, but is no completed request."""

    unit: Unit = MICROSECONDS
    most_connections: int = 1024

    plain_cost: ClassVar[str] = "CPU seconds/request"

    @property
    def cost(self) -> str:
        return f"CPU {self.unit.name}/request"


@dataclass(frozen=True, slots=True)
class IdleMemory:
    """Memory per connection that was answered once and is kept."""

    connections: int
    unit: Unit = KIB

    plain_cost: ClassVar[str] = "octets/connection"

    @property
    def cost(self) -> str:
        return f"{self.unit.name}/connection"


Measurement = CpuTime | IdleMemory


@dataclass(frozen=True, slots=True)
class Case:
    """All paths begin with the prefix, by which the origin knows the size of its answer. `cached`: each path is asked
    for once, and what is measured are answers from the proxy's cache."""

    name: str
    title: str
    kind: Kind
    prefix: str
    paths: tuple[str, ...]
    size: int  # of the content behind a path, in bytes; of `sizes` the mean
    measurement: Measurement = CpuTime()
    tls: bool = False  # between client and proxy
    rules: tuple[int, ...] = ()  # of the generated ones (rule_file), by number
    subject_only: bool = False
    relative_to: str | None = None  # the case to whose cost the edge's is set in proportion
    cached: bool = False
    validated: bool = False  # the client has the content already and says so: the answer is 304
    sizes: tuple[int, ...] = ()  # of the content behind each path, where they differ
    order: tuple[int, ...] = ()  # in which paths are asked for, by number; (): in turn

    def size_of(self, number: int) -> int:
        return self.sizes[number] if self.sizes else self.size

    def status(self) -> HTTPStatus:
        return HTTPStatus.NOT_MODIFIED if self.validated else HTTPStatus.OK


def page_case(name: str, title: str, size: int) -> Case:
    prefix = f"/simple/{name}-"
    return Case(name, title, Kind.PAGE, prefix, tuple(f"{prefix}{number}/" for number in range(200)), size)


def rules_case(name: str, rules: tuple[int, ...], relative_to: str | None = None) -> Case:
    return Case(
        name=name,
        title=f"1 KiB page by one of {len(rules):,} rules, {SUBJECT} alone",
        kind=Kind.PAGE,
        prefix="/",
        paths=RULE_PATHS,
        size=1024,
        rules=rules,
        subject_only=True,
        relative_to=relative_to,
    )


def idle_case(connections: int, subject_only: bool = False) -> Case:
    return replace(
        _PASS_1K,
        name=f"idle-{connections // 1000}k",
        title=f"{connections:,} idle connections" + (f", {SUBJECT} alone" if subject_only else ""),
        measurement=IdleMemory(connections),
        subject_only=subject_only,
    )


def mix_case() -> Case:
    sizes = sizes_of_pages()
    order = order_of_requests()
    prefix = "/simple/mix-"
    return Case(
        name="cached-mix",
        title=f"{len(sizes):,} pages of 1 to 16 KiB by Zipf's law, from the cache",
        kind=Kind.PAGE,
        prefix=prefix,
        paths=tuple(f"{prefix}{number}/" for number in range(len(sizes))),
        size=sum(sizes[number] for number in order) // len(order),
        cached=True,
        sizes=sizes,
        order=order,
    )


_PASS_1K: Final = page_case("pass-1k", "1 KiB page passed through", 1024)
_FILE: Final = f"/packages/5c/0e/{'3f9a41d7' * 7}c2b8/sample-1.0.0-py3-none-any.whl"
_FILE_20M: Final = Case(
    name="file-20m",
    title="20 MB file",
    kind=Kind.FILE,
    prefix=_FILE,
    paths=(_FILE,),
    size=20_000_000,
    measurement=CpuTime(MILLISECONDS, most_connections=4),
)
_CACHED_1K: Final = Case(
    name="cached-1k",
    title="1 KiB page from the cache",
    kind=Kind.PAGE,
    prefix="/simple/cached/",
    paths=("/simple/cached/",),
    size=1024,
    cached=True,
)

CASES: Final = (
    _PASS_1K,
    page_case("pass-16k", "16 KiB page passed through", 16 * 1024),
    replace(_PASS_1K, name="tls-pass-1k", title="1 KiB page passed through, TLS 1.3 to the client", tls=True),
    _FILE_20M,
    rules_case("rules-10", FEW),
    rules_case("rules-10k", MANY, relative_to="rules-10"),
    _CACHED_1K,
    mix_case(),
    replace(
        _CACHED_1K,
        name="cached-304",
        title="304 for a 1 KiB page that the client has, from the cache",
        validated=True,
        relative_to="cached-1k",
    ),
    replace(_FILE_20M, name="cached-20m", title="20 MB file from the cache", cached=True),
    idle_case(1_000),
    idle_case(10_000, subject_only=True),
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


def headers_of(case: Case, path: str) -> tuple[tuple[str, str], ...]:
    """The headers of pip 26.3, in its order, and what its cache adds to them."""
    held = (("If-None-Match", etag_of(path)),) if case.validated else ()
    return (("Host", HOST), ("User-Agent", USER_AGENT), *_ACCEPT[case.kind], ("Connection", "keep-alive"), *held)


def etag_of(path: str) -> str:
    """Each path has one of its own, as real ones have: heads all alike would flatter who remembers them."""
    return f'"{path}"'


def requests_of(case: Case) -> tuple[bytes, ...]:
    """One for each path."""
    return tuple(_request(path, headers_of(case, path)) for path in case.paths)


def _request(path: str, headers: tuple[tuple[str, str], ...]) -> bytes:
    block = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"GET {path} HTTP/1.1\r\n{block}\r\n".encode()
