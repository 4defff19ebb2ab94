"""The records of a capture: newline JSON, one request a line.

A record is an object with `method` and `url`, and maybe `headers` (an object; a value may be a list), `client` (an
address), `time` (seconds since the epoch, or as in 2024-09-05T12:00Z), `xmlrpc` (a method) and `count`. Other keys are
passed over, so that an access log that has these can be given as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from edgeproxy.http.target import BadTarget, Scheme, parse_target
from edgeproxy.ruleset.checker.asked import Asked
from edgeproxy.ruleset.problems import Refusal
from edgeproxy.ruleset.read_during import read_moment
from edgeproxy.ruleset.values import read_method

_URL: Final = re.compile(r"(https?)://([^/?#]+)([^#]*)(?:#.*)?", re.IGNORECASE)
_NO_ONE: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Record:
    asked: Asked
    count: int = 1

    @property
    def client_kind(self) -> str:
        """The product that the user agent names first (RFC 9110 §10.1.5)."""
        agent = dict(self.asked.headers).get("user-agent", "")
        return re.split(r"[/ ]", agent, maxsplit=1)[0] or "unknown"


class BadRecord(ValueError):
    """A line that is no record; the message says why."""


def read_record(line: str, now: float) -> Record:
    """Raises BadRecord. `now` is when a request came that does not say so."""
    try:
        read = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadRecord(f"it is not JSON: {error}") from None
    if not isinstance(read, dict):
        raise BadRecord("it is not an object with `method` and `url`")
    method, url = _text(read, "method"), _text(read, "url")
    call = _text(read, "xmlrpc") if read.get("xmlrpc") is not None else None
    client = _text(read, "client") if read.get("client") is not None else _NO_ONE
    try:
        scheme, host, path, query = _target(url)
        asked = Asked(read_method(method), scheme, host, path, query, _headers(read), client, call, _time(read, now))
    except Refusal as error:
        raise BadRecord(error.message) from None
    return Record(asked, _count(read))


def _text(read: Mapping[str, Any], key: str) -> str:
    value = read.get(key)
    if not isinstance(value, str):
        raise BadRecord(f"`{key}` is not there" if value is None else f"`{key}` is no text")
    return value


def _target(url: str) -> tuple[Scheme, str, str, str | None]:
    found = _URL.fullmatch(url)
    if found is None:
        raise BadRecord(f"{url!r} is not a URL such as https://pypi.test/simple/")
    scheme, rest = Scheme(found[1].lower()), found[3]
    try:
        target = parse_target(rest if rest.startswith("/") else f"/{rest}", found[2], scheme)
    except BadTarget as error:
        raise BadRecord(f"the edge refuses {url!r}: {error}") from None
    return scheme, target.host, target.path, target.query


def _headers(read: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Several of one name are one, joined (RFC 9110 §5.3)."""
    given = read.get("headers") or {}
    if not isinstance(given, dict):
        raise BadRecord("`headers` is no object")
    joined: dict[str, str] = {}
    for name, value in given.items():
        for each in value if isinstance(value, list) else [value]:
            if not isinstance(each, str):
                raise BadRecord(f"the header {name!r} is no text")
            key = name.lower()
            joined[key] = f"{joined[key]}, {each}" if key in joined else each
    return tuple(joined.items())


def _time(read: Mapping[str, Any], now: float) -> float:
    value = read.get("time")
    if value is None:
        return now
    if isinstance(value, str):
        return read_moment(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e11:
        raise BadRecord("`time` is neither seconds since the epoch nor as in 2024-09-05T12:00Z")
    return float(value)


def _count(read: Mapping[str, Any]) -> int:
    value = read.get("count", 1)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadRecord("`count` is not a whole number from 1")
    return value
