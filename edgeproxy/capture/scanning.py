"""Looking through a capture for secrets, whoever wrote it: a second opinion on what the scrubbing let through.

Laws of this module:
- it tells where, and of what kind, and never the secret;
- it looks at every value of every line with expressions of its own, at what stays when escapes are read, however often,
  and odd blanks are blanks, too, and asks, besides, whether scrubbing once more would change anything, and whether a
  body would still be kept;
- a header that captures do not keep is a finding, whatever it holds;
- known secrets (`edgeproxy capture verify --known FILE`) are looked for as they are, escaped, and in base64.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from unicodedata import normalize
from urllib.parse import quote, unquote

from edgeproxy.capture.bodies import holds_secret
from edgeproxy.capture.scrubbing import KEPT, kept_value
from edgeproxy.migration.comparing.scrubbing import HIDDEN, is_secret
from edgeproxy.migration.comparing.targets import kept_authority, kept_target

_LOOKS: Final = (
    ("a JSON Web Token", re.compile(r"eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{4,}")),
    (
        "a token of a code host or chat",
        re.compile(r"(?:gh[pousr]|github_pat|xox[abprs])[_-][A-Za-z0-9_-]{16,}"),
    ),
    ("a token of a package registry or model hub", re.compile(r"(?:npm|hf)_[A-Za-z0-9]{16,}")),
    ("a cloud's key", re.compile(r"(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[A-Za-z0-9_-]{20,}")),
    (
        "credentials",
        re.compile(r"\b(?:(?i:bearer)|Basic|Digest|Token)[ +]+(?!(?i:auth|token|scheme))[A-Za-z0-9._~+/=-]{8,}"),
    ),
    (
        "a password that a command is told",
        re.compile(
            r"(?i)(?<![^\s\"'(;,])--?(?:[a-z0-9_-]{0,40}(?:passw|passphrase|token|secret|credential)[a-z0-9_-]{0,40}|"
            r"(?:[a-z0-9]{1,20}[_-]){0,3}(?:pass|pwd|pw|key|otp|pin)) +(?![\s-]|\[hidden)"
        ),
    ),
    ("a password with its name", re.compile(r"(?i)(?<![a-z0-9])(?:pass|pwd?|passcode) ?: ?(?!\[hidden)[^\s\"'{\[]")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")),
    ("a user's password", re.compile(r"(?<![\w.%+-])(?!\+?mailto:)[\w.%+-]++:[^\s/@?#&\"'<>(){}\[\]]{1,1000}+@")),
    ("user and password of a URL", re.compile(r"://(?!\[hidden\]@)[^/@\s\"'<>?#]{1,200}@")),
)
_UNLESS_WORDS: Final = (  # unless what follows reads as words: projects are called `pypi-attestation-models`
    ("a package index's token", re.compile(r"pypi-([A-Za-z0-9_-]{16,})")),
    ("a token of a code host or chat", re.compile(r"(?:glpat|sk|rk)[_-]([A-Za-z0-9_-]{16,})")),
    ("credentials", re.compile(r"\b(?:basic|digest|token)[ +]+([A-Za-z0-9._~+/=-]{8,})")),
)
_BETWEEN_WORDS: Final = re.compile("[-_+/]+")
_WORD: Final = re.compile(r"[A-Za-z]?[a-z]{0,15}[0-9]{0,4}[a-z]{0,3}|v?[0-9][0-9A-Za-z.]{0,15}")
_TOLD: Final = re.compile(  # in what is no request's: the words of rules, arms and backends
    r"(?i)(?<![a-z0-9])(?:pass(?:words?|wd|phrase|code)|pwd?|tokens?|secrets?|api[-_ ]?keys?)(?![a-z0-9]|[-_.][a-z0-9])"
    r"(?: {1,4}(?:is|was)[: ] {0,4}(?!\[hidden)\S| {1,4}[a-z0-9]{8,}+(?![\w/.-]))"
)
_RANDOM: Final = re.compile(r"[A-Za-z0-9]{20,}")
_PAIR: Final = re.compile(r"([A-Za-z0-9_.-]{1,60})=([^&;\s\"',]+)")
_END_OF_AUTHORITY: Final = re.compile("[/?#]")
_DEEPEST: Final = 8  # escapes within escapes
_NOT_LOOKED_AT: Final = frozenset(("digest", "contents", "contents.digest"))  # by form alone; known secrets are
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
        found = {what for each in _spellings(text) for what in _found(each)}
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


def _spellings(text: str) -> Iterator[str]:
    for _ in range(_DEEPEST):
        yield text
        if not (text.isascii() and text.isprintable()):
            yield from _without_odd_blanks(text)
        read = unquote(text)
        if read == text:
            return
        text = read


def _without_odd_blanks(text: str) -> Iterator[str]:
    """What does not show is a blank, or nothing; UTF-8 may have been read as Latin-1."""
    with suppress(UnicodeError):
        text = text.encode("latin-1").decode()
    for unseen in (" ", ""):
        yield normalize("NFKC", "".join([each if each.isprintable() else unseen for each in text]))


def _found(text: str) -> Iterator[str]:
    for what, looks in _LOOKS:
        if looks.search(text) is not None:
            yield what
    for what, looks in _UNLESS_WORDS:
        if not all(map(_are_words, looks.findall(text))):
            yield what
    if any(_is_random(each) for each in _RANDOM.findall(text)):
        yield "what looks like a token"
    for name, value in _PAIR.findall(text):
        if is_secret(name) and HIDDEN not in value:
            yield "a value whose name speaks of a secret"


def _are_words(text: str) -> bool:
    return all(map(_WORD.fullmatch, _BETWEEN_WORDS.split(text)))


def _is_random(word: str) -> bool:
    return word != word.lower() and word != word.upper() and any(each.isdigit() for each in word)


def _of_place(key: str, text: str) -> Iterator[Secret]:
    place, _, name = key.partition(".")
    if place == "more":
        _, _, name = name.partition(".")  # behind the number of a record
    if place in _TABLES:
        place, _, name = name.partition(".")
    if place == "headers" and name and name not in KEPT:
        yield Secret(place, "a header that captures do not keep")
    elif _is_changed(place, name, text):
        yield Secret(key, "what scrubbing takes out")


def _is_changed(place: str, name: str, text: str) -> bool:
    """By scrubbing once more."""
    if place == "url":
        return _changed_url(text) != text
    if place == "body":
        return holds_secret(text)
    if place == "xmlrpc":
        return kept_value("", text) != text
    if place == "headers":
        return bool(name) and kept_value(name, text) != text
    return any(map(_TOLD.search, _spellings(text)))


def _changed_url(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    end = _END_OF_AUTHORITY.search(rest)
    at = len(rest) if end is None else end.start()
    return f"{scheme}{mark}{kept_authority(rest[:at])}{kept_target(rest[at:])}"
