"""Planned requests as octets.

Law: what would make two requests of one, or another one, is never written: `Unsendable` says why.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from replay.planned import Planned
from replay.remembered import Remembered

_METHOD: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_URL: Final = re.compile(r"https?://([^/?#\s]+)([^#\s]*)")
_NAME: Final = _METHOD
_BAD_VALUE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
SENDERS: Final = frozenset(
    (
        *("connection", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te", "trailer"),
        *("transfer-encoding", "upgrade"),
    )
)
_LONGEST_NAME: Final = 255  # octets: RFC 1035 §2.3.4, and what OpenSSL takes
_CHECKED: Final = 64  # remembered, of each kind: each may be long
_WITH_BODY: Final = frozenset(("POST", "PUT", "PATCH"))  # RFC 9110 §8.6: they say a length also of nothing


class Unsendable(ValueError):
    """What is no request that can be sent; the message says why."""


def authority_of(url: str) -> str:
    found = _URL.match(url)
    if found is None:
        raise Unsendable("its URL is none")
    return found[1]


def server_name(authority: str) -> str:
    """What TLS asks for. Raises Unsendable for what cannot be asked for."""
    host = authority.rpartition("@")[2]
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    try:
        length = len(name.encode("idna"))  # as `ssl` does, which raises the same when the connection is being opened
    except UnicodeError:
        length = 0
    if not 0 < length <= _LONGEST_NAME:
        raise Unsendable("its host is no name that TLS can ask for")
    return name


def check(method: str, url: str, headers: tuple[tuple[str, str], ...], *, by_tls: bool = False) -> None:
    """Whether it can be sent. Raises Unsendable."""
    why = _why_no_line(method, url, by_tls) or _why_no_fields(headers)
    if why is not None:
        raise Unsendable(why)


@lru_cache(_CHECKED)  # PERF: of a long URL that many records share 1 ms each
def _why_no_line(method: str, url: str, by_tls: bool) -> str | None:
    try:
        _line(method, url)
        if by_tls:
            server_name(authority_of(url))
    except Unsendable as error:
        return str(error)
    return None


@lru_cache(_CHECKED)
def _why_no_fields(headers: tuple[tuple[str, str], ...]) -> str | None:
    try:
        _fields(headers)
    except Unsendable as error:
        return str(error)
    return None


class Writer:
    """PERF: the same URLs and headers come again and again; each is made octets once, and remembered, within bounds."""

    __slots__ = ("_fields", "_lines")

    def __init__(self) -> None:
        self._lines = Remembered[tuple[str, str]]()  # by method and URL: request line and Host
        self._fields = Remembered[tuple[tuple[str, str], ...]]()

    def octets(self, planned: Planned) -> bytes:
        """Raises Unsendable."""
        key = planned.method, planned.url
        line = self._lines.get(key)
        if line is None:
            line = self._lines.remember(key, _line(*key))
        fields = self._fields.get(planned.headers)
        if fields is None:
            fields = self._fields.remember(planned.headers, _fields(planned.headers))
        if planned.body or planned.method in _WITH_BODY:
            return b"%b%bContent-Length: %d\r\n\r\n%b" % (line, fields, len(planned.body), planned.body)
        return b"%b%b\r\n" % (line, fields)


def _line(method: str, url: str) -> bytes:
    found = _URL.fullmatch(url)
    if found is None or _BAD_VALUE.search(url):
        raise Unsendable("its URL is none")
    if _METHOD.fullmatch(method) is None:
        raise Unsendable("its method is none")
    target = found[2] if found[2].startswith("/") else f"/{found[2]}"
    return f"{method} {target} HTTP/1.1\r\nHost: {found[1].rpartition('@')[2]}\r\n".encode()


def _fields(headers: Sequence[tuple[str, str]]) -> bytes:
    for name, value in headers:
        if _NAME.fullmatch(name) is None or _BAD_VALUE.search(value):
            raise Unsendable("a header of it is none")
        if name.lower() in SENDERS:
            raise Unsendable(f"{name} is the sender's to say")
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode()
