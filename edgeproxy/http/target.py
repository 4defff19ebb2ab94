"""The request target and the host it is for (RFC 9112 §3.2, RFC 3986 §6).

Law: a target has one reading. What a backend could split or decode otherwise than the edge (an encoded slash,
backslash or control character, bytes that are not UTF-8) is refused, and the path that was routed on is the path
that a backend gets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import unquote_to_bytes


class BadTarget(ValueError):
    """A request target or Host field that the edge refuses with 400; the message says why."""


class Scheme(StrEnum):
    HTTP = "http"
    HTTPS = "https"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes. `host` is lower case without port; `path` is normalised; `query` has no '?'."""

    host: str
    authority: str  # as the client wrote it, port included: what X-Forwarded-Host says
    path: str
    query: str | None
    scheme: Scheme = Scheme.HTTP


SERVER_WIDE: Final = "*"  # asterisk-form: the target of an OPTIONS for the whole server (RFC 9112 §3.2.4)
_AUTHORITY: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=-]+)(?::([0-9]{0,5}))?")
_ABSOLUTE: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(?!#)(/[^?#]*)?(?:\?([^#]*))?(?:#[\x21-\x7e]*)?")
_ORIGIN: Final = re.compile(r"(/[^?#]*)(?:\?([^#]*))?(?:#[\x21-\x7e]*)?")
_LAST_PORT: Final = 65_535
PORTS: Final[Mapping[str, int]] = {Scheme.HTTP: 80, Scheme.HTTPS: 443}  # where an authority names none
_DEFAULT_PORTS: Final = {scheme: f":{port}" for scheme, port in PORTS.items()}
_CLEAN_PATH: Final = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/-]*")
_WELL_FORMED: Final = re.compile(r"(?:[\x21-\x24\x26-\x5b\x5d-\x7e]+|%[0-9A-Fa-f]{2})*")
_REFUSED_ESCAPE: Final = re.compile(r"%(?:[01][0-9A-Fa-f]|2[Ff]|5[Cc]|7[Ff])")
_QUERY: Final = re.compile(r"[\x21-\x7e]*")


def _both(digit: int) -> str:
    """A hexadecimal digit, in both cases."""
    return f"{digit:x}{digit:X}"


_UNRESERVED: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PATH_CHARACTERS: Final = _UNRESERVED | frozenset(b"!$&'()*+,;=:@/")
_RESPELLED: Final = re.compile(r"%..|[^A-Za-z0-9._~!$&'()*+,;=:@/-]")
_SPELLINGS: Final = {  # of escapes, and of characters that a path holds only as escapes
    written: chr(octet) if octet in _UNRESERVED and len(written) > 1 else f"%{octet:02X}"
    for octet in range(0x100)
    for written in (chr(octet), *(f"%{a}{b}" for a in _both(octet >> 4) for b in _both(octet & 15)))
}


def parse_target(
    target: str, host_field: str | None, scheme: Scheme = Scheme.HTTP, *, is_options: bool = False
) -> Target:
    """Read a request target in origin-form or absolute-form together with the Host field (None: HTTP/1.0 without),
    for a request that came by `scheme`.

    Raises BadTarget. An absolute-form target must name the scheme it came by and the authority of the Host field: RFC
    9112 §3.2.2 lets an origin ignore the field, but two readings are one too many. Without a path it is the whole
    server's for OPTIONS (§3.2.4).
    """
    if target == SERVER_WIDE:
        if host_field is None:
            raise BadTarget("no Host field: send one")
        return Target(parse_host(host_field), host_field, SERVER_WIDE, None, scheme)
    if target.startswith("/"):
        if host_field is None:
            raise BadTarget("no Host field: send one")
        match = _ORIGIN.fullmatch(target)
        if match is None:
            raise BadTarget(
                "the target is not origin-form: its fragment holds a character that must be percent-encoded"
            )
        authority, (path, query) = host_field, match.groups()
    else:
        match = _ABSOLUTE.fullmatch(target)
        if match is None:
            raise BadTarget("the target is neither origin-form nor an absolute http URL")
        named, authority, path, query = match.groups()
        if named.lower() != scheme:
            raise BadTarget(f"the target is not a URL of the scheme {scheme}, by which the request came")
        if host_field is not None and _without_port(host_field, scheme) != _without_port(authority, scheme):
            raise BadTarget("the Host field differs from the target's authority")
    if query is not None and not _QUERY.fullmatch(query):
        raise BadTarget("the query holds a character that must be percent-encoded")
    authority = authority.removesuffix(":")
    if not path and query is None and is_options:
        return Target(parse_host(authority), authority, SERVER_WIDE, None, scheme)
    return Target(parse_host(authority), authority, normalise_path(path or "/"), query, scheme)


def parse_host(authority: str) -> str:
    """The host of `host[:port]`, in lower case and without a final dot. Raises BadTarget."""
    match = _AUTHORITY.fullmatch(authority)
    if match is None or not (match[2] in (None, "") or 0 < int(match[2]) <= _LAST_PORT):
        raise BadTarget("the host is not a name or address with an optional port")
    return match[1].lower().removesuffix(".")


def _without_port(authority: str, scheme: Scheme) -> str:
    """In lower case, and without the port that the scheme means anyway (RFC 9110 §4.2.3)."""
    return authority.lower().removesuffix(":").removesuffix(_DEFAULT_PORTS[scheme])


def normalise_path(path: str) -> str:
    """The one spelling of a path (RFC 3986 §6.2.2): unreserved characters decoded, others as upper-case escapes,
    dot segments removed. Empty segments stay: they are significant to many backends. Raises BadTarget.
    """
    if _CLEAN_PATH.fullmatch(path) and "/." not in path:  # the common case: nothing to do
        return path
    return _without_dot_segments(_normalise_escapes(path))


def _normalise_escapes(path: str) -> str:
    """PERF: by expressions, in C as far as it goes: 8 KiB of escapes, octet by octet, held the loop for 5 ms."""
    end = _WELL_FORMED.match(path).end()  # type: ignore[union-attr]  # it may be empty
    if _REFUSED_ESCAPE.search(path, 0, end):
        raise BadTarget("the path holds an encoded slash, backslash or control character")
    if end < len(path):
        raise BadTarget(_why_unreadable(path[end]))
    try:
        unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        raise BadTarget("the path's escapes are not UTF-8") from None
    return _RESPELLED.sub(_respell, path)


def _respell(found: re.Match[str]) -> str:
    return _SPELLINGS[found[0]]


def _why_unreadable(character: str) -> str:
    if character == "%":
        return "the path holds a '%' that starts no escape"
    if character == "\\":
        return "the path holds a backslash, which some backends read as a slash"
    return "the path holds a character that must be percent-encoded"


def _without_dot_segments(path: str) -> str:
    """RFC 3986 §5.2.4 for an absolute path."""
    segments = path.split("/")[1:]
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            if kept:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)
