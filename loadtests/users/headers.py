"""What real clients say, field by field, in their order: recorded from the programs themselves where they run here
(facts/pypi.md §5).

Law: a set has Host in it, at its place; it is filled in for the URL that is asked for. Content-Length is the sender's.
"""

from __future__ import annotations

import json
from typing import Final
from urllib.parse import urlsplit

Headers = tuple[tuple[str, str], ...]

_HOST: Final = ""  # in the place of what is filled in

_DISTRO: Final = {
    "id": "bookworm",
    "libc": {"lib": "glibc", "version": "2.36"},
    "name": "Debian GNU/Linux",
    "version": "12",
}
_PYTHON: Final = {"name": "CPython", "version": "3.11.7"}
_SYSTEM: Final = {"name": "Linux", "release": "6.1.0-28-amd64"}


def _pip(version: str, openssl: str, python: str, release: str) -> str:
    """Sorted and compact, as pip writes it."""
    said = {
        "ci": None,
        "cpu": "x86_64",
        "distro": _DISTRO,
        "implementation": {"name": "CPython", "version": python},
        "installer": {"name": "pip", "version": version},
        "openssl_version": openssl,
        "python": python,
        "setuptools_version": "65.5.0",
        "system": {"name": "Linux", "release": release},
    }
    return f"pip/{version} " + json.dumps(said, separators=(",", ":"), sort_keys=True)


def _uv(version: str) -> str:
    """In uv's own order."""
    said = {
        "installer": {"name": "uv", "version": version, "subcommand": ["pip", "install"]},
        "python": "3.11.7",
        "implementation": _PYTHON,
        "distro": {key: _DISTRO[key] for key in ("name", "version", "id", "libc")},
        "system": _SYSTEM,
        "cpu": "x86_64",
        "openssl_version": None,
        "setuptools_version": None,
        "rustc_version": None,
        "ci": None,
    }
    return f"uv/{version} " + json.dumps(said, separators=(",", ":"))


PIP_AGENT: Final = _pip("26.3", "OpenSSL 3.0.15 3 Sep 2024", "3.11.7", "6.1.0-28-amd64")
OLD_PIP_AGENT: Final = _pip("9.0.3", "OpenSSL 1.1.0f  25 May 2017", "3.5.3", "4.9.0-6-amd64")
UV_AGENT: Final = _uv("0.13.9")
BANDERSNATCH_AGENT: Final = "bandersnatch/6.8.0 (cpython 3.11.7-final0, Linux x86_64) (aiohttp 3.14.5)"
BROWSER_AGENT: Final = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
)
_ANY: Final = (("Accept", "*/*"),)

PIP_PAGE: Final[Headers] = (
    ("Host", _HOST),
    ("User-Agent", PIP_AGENT),
    ("Accept-Encoding", "gzip, deflate"),
    ("Accept", "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"),
    ("Connection", "keep-alive"),
)
PIP_FILE: Final[Headers] = (
    ("Host", _HOST),
    ("User-Agent", PIP_AGENT),
    ("Accept-Encoding", "identity"),
    *_ANY,
    ("Connection", "keep-alive"),
)
# What pip says when its copy of a page is stale, before If-None-Match.
PIP_AGAIN: Final[Headers] = (("Cache-Control", "max-age=0"),)

OLD_PIP_PAGE: Final[Headers] = (
    ("Host", _HOST),
    ("User-Agent", OLD_PIP_AGENT),
    ("Accept-Encoding", "gzip, deflate"),
    ("Accept", "text/html"),
    ("Connection", "keep-alive"),
    ("Cache-Control", "max-age=600"),
)
OLD_PIP_FILE: Final[Headers] = (
    ("Host", _HOST),
    ("User-Agent", OLD_PIP_AGENT),
    ("Accept-Encoding", "identity"),
    *_ANY,
    ("Connection", "keep-alive"),
)

UV_PAGE: Final[Headers] = (
    ("Accept-Encoding", "gzip, deflate, zstd"),
    ("Accept", "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"),
    ("User-Agent", UV_AGENT),
    ("Host", _HOST),
)
UV_METADATA: Final[Headers] = (
    *_ANY,
    ("User-Agent", UV_AGENT),
    ("Accept-Encoding", "zstd,gzip,deflate"),
    ("Host", _HOST),
)
UV_FILE: Final[Headers] = (
    ("Accept-Encoding", "identity"),
    *_ANY,
    ("User-Agent", UV_AGENT),
    ("Host", _HOST),
)
UV_AGAIN: Final[Headers] = (("Cache-Control", "no-cache"),)

BROWSER_PAGE: Final[Headers] = (
    ("Host", _HOST),
    ("Connection", "keep-alive"),
    ("Upgrade-Insecure-Requests", "1"),
    ("User-Agent", BROWSER_AGENT),
    (
        "Accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
        "application/signed-exchange;v=b3;q=0.7",
    ),
    ("Accept-Encoding", "gzip, deflate"),
    ("Accept-Language", "en-US,en;q=0.9"),
)
_BROWSER_TAIL: Final[Headers] = (("Accept-Encoding", "gzip, deflate"), ("Accept-Language", "en-US,en;q=0.9"))
_BROWSER_ACCEPTS: Final = {
    "style": "text/css,*/*;q=0.1",
    "image": "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
    "script": "*/*",
}


def browser_asset(kind: str, referer: str) -> Headers:
    """For what a page is made of: `style`, `image` or `script`."""
    return (
        ("Host", _HOST),
        ("Connection", "keep-alive"),
        ("User-Agent", BROWSER_AGENT),
        ("Accept", _BROWSER_ACCEPTS[kind]),
        ("Referer", referer),
        *_BROWSER_TAIL,
    )


XMLRPC: Final[Headers] = (
    ("Host", _HOST),
    ("Accept-Encoding", "gzip"),
    ("Content-Type", "text/xml"),
    ("User-Agent", "Python-xmlrpc/3.11"),
)

BANDERSNATCH: Final[Headers] = (
    ("Host", _HOST),
    ("User-Agent", BANDERSNATCH_AGENT),
    *_ANY,
    ("Accept-Encoding", "gzip, deflate, br"),
)
BANDERSNATCH_CALL: Final[Headers] = (
    ("Host", _HOST),
    (
        "User-Agent",
        "bandersnatch 6.8.0 aiohttp XML-RPC client (Python: 3.11.7.final.0, version: 1.5.0)",
    ),
    ("Content-Type", "text/xml"),
    *_ANY,
    ("Accept-Encoding", "gzip, deflate, br"),
)
# Its Accept is read from its source (facts/pypi.md §5.4); the rest is what its HTTP library says.
DEVPI: Final[Headers] = (
    ("Host", _HOST),
    ("User-Agent", "server devpi-server/6.15.0 (py3.11.7; linux)"),
    ("Accept-Encoding", "gzip, deflate"),
    (
        "Accept",
        "application/vnd.pypi.simple.v1+html;q=0.2, application/vnd.pypi.simple.v1+json, text/html;q=0.01",
    ),
    ("Connection", "keep-alive"),
)


def filled(headers: Headers, url: str) -> Headers:
    """With the Host of a URL."""
    host = urlsplit(url).netloc
    return tuple((name, host if name == "Host" else value) for name, value in headers)


def conditional(headers: Headers, etag: str | None, again: Headers = ()) -> Headers:
    """Of a client that has a copy with this ETag. uv says so before its agent, others at the end."""
    said = (*again, *((("If-None-Match", etag),) if etag else ()))
    at = next(
        (index for index, (name, value) in enumerate(headers) if name == "User-Agent" and index > 1), len(headers)
    )
    if headers[0][0] == "Host":
        at = len(headers)
    return (*headers[:at], *said, *headers[at:])
