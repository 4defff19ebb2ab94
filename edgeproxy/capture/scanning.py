"""Looking through a capture for secrets, whoever wrote it: a second opinion on what the scrubbing let through.

Laws of this module:
- it tells where, and of what kind, and never the secret;
- it looks at every value of every line with expressions of its own, at what stays when escapes are read twice, too, and
  asks, besides, whether scrubbing once more would change anything;
- a header that captures do not keep is a finding, whatever it holds;
- known secrets (`edgeproxy capture verify --known FILE`) are looked for as they are, escaped, and in base64.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote

from edgeproxy.capture.scrubbing import KEPT, kept_target, kept_value
from edgeproxy.migration.comparing.scrubbing import HIDDEN, is_secret

_LOOKS: Final = (
    ("a package index's token", re.compile(r"pypi-[A-Za-z0-9_-]{16,}")),
    ("a JSON Web Token", re.compile(r"eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{4,}")),
    (
        "a token of a code host or chat",
        re.compile(r"(?:gh[pousr]|github_pat|glpat|xox[abprs]|sk|rk)[_-][A-Za-z0-9_-]{16,}"),
    ),
    ("a cloud's key", re.compile(r"(?:AKIA|ASIA)[0-9A-Z]{16}")),
    ("credentials", re.compile(r"(?i)\b(?:bearer|basic|digest)[ +]+[A-Za-z0-9._~+/=-]{8,}")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")),
    ("user and password of a URL", re.compile(r"://(?!\[hidden\]@)[^/@\s\"'<>?#]{1,200}@")),
)
_RANDOM: Final = re.compile(r"[A-Za-z0-9]{20,}")
_PAIR: Final = re.compile(r"([A-Za-z0-9_.-]{1,60})=([^&;\s\"',]+)")
_NOT_LOOKED_AT: Final = frozenset(("digest", "contents"))  # by form alone; known secrets are
_TABLES: Final = ("asked", "fields", "outcomes", "clients", "connections", "rows", "more", "kinds")


@dataclass(frozen=True, slots=True)
class Secret:
    """`key`: of the record, and `what` looks to be there."""

    key: str
    what: str


def secrets_of(words: Any) -> Iterator[Secret]:
    """Of one line's object."""
    for key, text in _texts(words, ""):
        if key in _NOT_LOOKED_AT:
            continue
        spellings = {text, unquote(text), unquote(unquote(text))}
        found = {what for each in spellings for what in _found(each)}
        yield from (Secret(key, what) for what in sorted(found))
        yield from _of_place(key, text)


def known_in(line: bytes, known: Sequence[frozenset[bytes]]) -> Iterator[int]:
    """The numbers, from 1, of known secrets that a line holds in one of their spellings."""
    return (number for number, spellings in enumerate(known, 1) if any(each in line for each in spellings))


def spellings_of(secret: str) -> frozenset[bytes]:
    """As a line may hold it: plain, escaped, as JSON has it, and within base64 at each of the three places."""
    octets = secret.encode()
    plain = {octets, quote(secret, safe="").encode(), quote(secret).encode(), repr(secret)[1:-1].encode()}
    within = {b64encode(b"\0" * shift + octets)[-(-shift * 8 // 6) :].rstrip(b"=")[:-1] for shift in range(3)}
    return frozenset(each for each in plain | within if len(each) >= 6)


def _texts(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield key, name
            yield from _texts(each, f"{key}.{name}" if key else name)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each, key)


def _found(text: str) -> Iterator[str]:
    for what, looks in _LOOKS:
        if looks.search(text) is not None:
            yield what
    if any(_is_random(each) for each in _RANDOM.findall(text)):
        yield "what looks like a token"
    for name, value in _PAIR.findall(text):
        if is_secret(name) and HIDDEN not in value:
            yield "a value whose name speaks of a secret"


def _is_random(word: str) -> bool:
    return word != word.lower() and word != word.upper() and any(each.isdigit() for each in word)


def _of_place(key: str, text: str) -> Iterator[Secret]:
    place, _, name = key.partition(".")
    if place in _TABLES:
        place, _, name = name.partition(".")
    if place == "headers" and name and name not in KEPT:
        yield Secret(place, "a header that captures do not keep")
    elif _is_changed(place, name, text):
        yield Secret(key, "what scrubbing takes out")


def _is_changed(place: str, name: str, text: str) -> bool:
    """By scrubbing once more."""
    if place == "url":
        return kept_target(_target_of(text)) != _target_of(text)
    return place == "headers" and bool(name) and kept_value(name, text) != text


def _target_of(url: str) -> str:
    authority, slash, rest = url.partition("://")[2].partition("/")
    return f"/{rest}" if slash else authority[len(authority) :]
