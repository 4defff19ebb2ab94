"""The origin all proxies ask: nginx when installed, else the small one of this module (`python -m` runs it).

Its answers carry the headers of a real simple page, so that a proxy has them to read and to pass on.
"""

from __future__ import annotations

import sys
from asyncio import Transport
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from loadtests.bench.answering import NOT_FOUND, Answer, answer_until_ended, ok
from loadtests.bench.cases import CASES, Case, Kind
from loadtests.bench.proxies import nginx_command
from loadtests.bench.site import Site, fill, nginx_user, values_of

CONTENT_TYPE: Final = "application/vnd.pypi.simple.v1+json"
PAGE_HEADERS: Final = (
    ("Cache-Control", "max-age=600, public"),
    ("ETag", '"2f8c4d1e9a7b3056"'),
    ("Vary", "Accept, Accept-Encoding"),
    ("X-PyPI-Last-Serial", "31415926"),
)
_KIB: Final = ("0123456789abcdef" * 64).encode()


def write_store(directory: Path, cases: Sequence[Case]) -> None:
    """The files of the cases, each below the directory at its path."""
    for case in cases:
        if case.kind is Kind.FILE and not case.cached:
            for path in case.paths:
                file = directory / path.lstrip("/")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content_of(case))


def content_of(case: Case) -> bytes:
    return content_of_size(case.size)


def content_of_size(size: int) -> bytes:
    return (_KIB * (size // len(_KIB) + 1))[:size]


def prepare_nginx(site: Site) -> tuple[str, ...]:
    pages = "\n".join(_nginx_page(case) for case in _by_prefix().values() if case.kind is Kind.PAGE)
    values = values_of(site) | {"user": nginx_user(), "kib": _KIB.decode(), "pages": pages}
    fill("origin.conf", site.directory / "nginx.conf", values)
    return nginx_command(site.directory)


def prepare_own(site: Site) -> tuple[str, ...]:
    return (sys.executable, "-m", "loadtests.bench.origin", str(site.port))


def _by_prefix() -> dict[str, Case]:
    """Those that are passed through (`counting` answers for caches), longest prefix first, as nginx takes them.
    Cases that share a prefix have answers of one size."""
    passed = (case for case in CASES if not case.cached)
    return {case.prefix: case for case in sorted(passed, key=lambda case: len(case.prefix), reverse=True)}


def _nginx_page(case: Case) -> str:
    """nginx's words are at most 4 KiB long, so that a page is a variable, repeated."""
    whole, rest = divmod(case.size, len(_KIB))
    body = "${kib}" * whole + _KIB[:rest].decode()
    headers = "".join(f"add_header {name} '{value}'; " for name, value in PAGE_HEADERS if name != "ETag")
    headers += "add_header ETag '\"$uri\"'; "
    return f'        location {case.prefix} {{ {headers}return 200 "{body}"; }}'


def _answer(case: Case) -> bytes:
    fields = (
        ("Content-Type", CONTENT_TYPE),
        ("Content-Length", str(case.size)),
        *PAGE_HEADERS,
        ("Connection", "keep-alive"),
    )
    return ok(fields, content_of(case))


def by_prefix(answers: Mapping[bytes, bytes]) -> Answer:
    """The first whose prefix the target has."""

    def answer(target: bytes, out: Transport) -> None:
        out.write(next((said for prefix, said in answers.items() if target.startswith(prefix)), NOT_FOUND))

    return answer


def main() -> None:
    answers = {prefix.encode(): _answer(case) for prefix, case in _by_prefix().items()}
    answer_until_ended(by_prefix(answers), int(sys.argv[1]))


if __name__ == "__main__":
    main()
