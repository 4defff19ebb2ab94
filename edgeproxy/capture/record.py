"""One recorded exchange: what of a request and its answer is enough to replay it, to compare, and to fit a model.

Laws of this module:
- a record holds nothing that lets anybody in (`scrubbing`), no body but that of a request whose rule declares it safe,
  and of a client's address only its network's;
- what is read is bounded and of the right type, or it is no record: `BadRecord` says why.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from edgeproxy.capture.safety import SafetyClass

LONGEST_URL: Final = 20_480  # characters: of 8,192, as long as an edge takes one, scrubbing makes 18,779 at most
MOST_HEADERS: Final = 64
LONGEST_VALUE: Final = 8_192
LONGEST_HEADERS: Final = 131_072  # characters, of all together
LONGEST_BODY: Final = 16_384  # characters
MOST_HITS: Final = 1 << 40
LATEST: Final = 9e9  # seconds since the epoch: in nanoseconds these are 63 bits
_LONGEST: Final = 1e11  # milliseconds
_URL: Final = re.compile(r"(https?)://([^/?#\s]+)((?:[/?][^#\s]*)?)")
_HALF: Final = re.compile("[\ud800-\udfff]")
_DIGEST: Final = re.compile("[0-9a-f]{64}")


class BadRecord(ValueError):
    """What is no record; the message says why."""


@dataclass(frozen=True, slots=True)
class Captured:
    """None is what is not known, or not there. README.md of `replay` says what each field means."""

    time: float  # intended start: when the request had come, in seconds since the epoch
    method: str
    url: str  # scheme, authority as the client wrote it, path and query; scrubbed
    headers: Mapping[str, str] = field(default_factory=dict)  # chosen ones, scrubbed; names in lower case
    credentials: tuple[str, ...] = ()  # which headers of that kind there were
    connection: str | None = None
    client: str | None = None  # the first address of the client's network
    xmlrpc: str | None = None  # the method of a call
    sent: int | None = None  # octets of the request's body
    body: str | None = None  # that of a POST which its rule declares safe, whole, if it is text without a secret
    safety: SafetyClass = SafetyClass.UNKNOWN
    rule: str | None = None
    shape: str | None = None  # of the URL
    arm: str | None = None
    backend: str | None = None
    fallback: str | None = None
    cache: str | None = None
    why: str | None = None  # the edge answered in its stead
    status: int | None = None  # 0: there was no answer
    whole: bool | None = None
    octets: int | None = None  # of the answer's content, without its framing
    digest: str | None = None  # of that content: SHA-256
    head_ms: float | None = None  # from `time` to the answer's head
    ms: float | None = None  # and to its end
    count: int = 1  # so many such exchanges

    @property
    def authority(self) -> str:
        return self._parts()[1]

    @property
    def scheme(self) -> str:
        return self._parts()[0]

    @property
    def target(self) -> str:
        """In origin-form."""
        rest = self._parts()[2]
        return rest if rest.startswith("/") else f"/{rest}"

    def _parts(self) -> tuple[str, str, str]:
        parts = _parts_of(self.url)
        assert parts is not None, "it was read, or written by the edge"
        return parts


@lru_cache(64)  # PERF: many records of a block share a URL, and each asks several times: 0.3 ms for a long one
def _parts_of(url: str) -> tuple[str, str, str] | None:
    found = _URL.fullmatch(url)
    return None if found is None else (found[1], found[2], found[3])


_KEYS: Final = tuple(Captured.__slots__)
_TEXTS: Final = ("connection", "client", "xmlrpc", "rule", "shape", "arm", "backend", "fallback", "cache", "why")


def words_of(record: Captured) -> dict[str, Any]:
    """As JSON has it, without what is not known."""
    words = {key: getattr(record, key) for key in _KEYS}
    words["time"] = round(record.time, 6)
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in words.items()
        if value not in (None, (), {}) and (key, value) != ("count", 1)
    }


def line_of(record: Captured) -> bytes:
    """With its newline."""
    return json.dumps(words_of(record), ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"


def read_words(words: Mapping[str, Any]) -> Captured:
    """What `words_of` gave, in this version's words; keys that it does not know are passed over. Raises BadRecord."""
    method, url = _text(words, "method", 32), _text(words, "url", LONGEST_URL)
    if method is None or url is None:
        raise BadRecord(f"`{'method' if method is None else 'url'}` is not there")
    if _parts_of(url) is None:
        raise BadRecord("`url` is no http or https URL")
    time = _number(words, "time", LATEST)
    if time is None:
        raise BadRecord("`time` is not there")
    return Captured(
        time=time,
        method=method,
        url=url,
        headers=_headers(words),
        credentials=_credentials(words),
        sent=_whole(words, "sent"),
        body=_text(words, "body", LONGEST_BODY),
        safety=_safety(words),
        status=_whole(words, "status", 999),
        whole=_flag(words, "whole"),
        octets=_whole(words, "octets"),
        digest=_digest(words),
        head_ms=_number(words, "head_ms", _LONGEST),
        ms=_number(words, "ms", _LONGEST),
        count=_count(words),
        **{key: _text(words, key, LONGEST_VALUE) for key in _TEXTS},
    )


def _text(words: Mapping[str, Any], key: str, longest: int) -> str | None:
    value = words.get(key)
    if value is not None and not isinstance(value, str):
        raise BadRecord(f"`{key}` is no text")
    if value is not None and len(value) > longest:
        raise BadRecord(f"`{key}` is longer than {longest} characters")
    if value is not None and not _is_text(value):
        raise BadRecord(f"`{key}` has half a surrogate pair, which no octets are")
    return value


def _is_text(value: str) -> bool:
    """JSON's escapes may name halves of surrogate pairs (RFC 8259 §8.2): they can be neither sent nor written."""
    return value.isascii() or _HALF.search(value) is None


def _number(words: Mapping[str, Any], key: str, most: float) -> float | None:
    value = words.get(key)
    if value is not None and (type(value) not in (int, float) or not 0 <= value <= most):
        raise BadRecord(f"`{key}` is no number from 0 to {most:g}")
    return None if value is None else float(value)


def _whole(words: Mapping[str, Any], key: str, most: int = MOST_HITS) -> int | None:
    value = words.get(key)
    if value is not None and (type(value) is not int or not 0 <= value <= most):
        raise BadRecord(f"`{key}` is no whole number from 0 to {most}")
    return value


def _count(words: Mapping[str, Any]) -> int:
    count = 1 if "count" not in words else _whole(words, "count")
    if not count:
        raise BadRecord("`count` is no whole number from 1")
    return count


def _flag(words: Mapping[str, Any], key: str) -> bool | None:
    value = words.get(key)
    if value is not None and not isinstance(value, bool):
        raise BadRecord(f"`{key}` is neither true nor false")
    return value


def _digest(words: Mapping[str, Any]) -> str | None:
    value = _text(words, "digest", 64)
    if value is not None and _DIGEST.fullmatch(value) is None:
        raise BadRecord("`digest` is no SHA-256 in hexadecimal")
    return value


def _safety(words: Mapping[str, Any]) -> SafetyClass:
    value = words.get("safety", SafetyClass.UNKNOWN)
    if value not in tuple(SafetyClass):
        raise BadRecord(f"`safety` is none of {', '.join(SafetyClass)}")
    return SafetyClass(value)


def _headers(words: Mapping[str, Any]) -> Mapping[str, str]:
    given = words.get("headers", {})
    if not isinstance(given, dict) or len(given) > MOST_HEADERS:
        raise BadRecord(f"`headers` is no object of at most {MOST_HEADERS}")
    for name, value in given.items():
        if not isinstance(value, str) or len(name) + len(value) > LONGEST_VALUE or not _is_text(name + value):
            raise BadRecord(f"a header is no text of at most {LONGEST_VALUE} characters")
    if sum(map(len, given)) + sum(map(len, given.values())) > LONGEST_HEADERS:
        raise BadRecord(f"`headers` are more than {LONGEST_HEADERS} characters")
    return {name.lower(): value for name, value in given.items()}


def _credentials(words: Mapping[str, Any]) -> tuple[str, ...]:
    given = words.get("credentials", [])
    if (
        not isinstance(given, list)
        or len(given) > MOST_HEADERS
        or not all(isinstance(each, str) and _is_text(each) for each in given)
    ):
        raise BadRecord(f"`credentials` is no list of at most {MOST_HEADERS} names")
    return tuple(given)
