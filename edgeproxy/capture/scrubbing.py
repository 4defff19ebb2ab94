"""What of a request a capture keeps: scrubbed before it is written anywhere.

Laws of this module:
- of headers only those in KEPT stay, and of those that hold credentials no more than that they were there;
- a value whose parameter, or path segment before it, speaks of a secret is taken out, however it is spelled: by
  percent-encoding, with `;` in the place of `&`; so is what looks like a token, wherever it stands;
- what was scrubbed stays as it is when it is scrubbed again;
- it takes time in proportion to the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from edgeproxy.migration.comparing.scrubbing import (
    HIDDEN,
    LEAST,
    SECRETS_FOLLOW,
    is_secret,
    scrubbed_target,
    scrubbed_text,
)

# What backends answer by, and what tells kinds of clients apart.
KEPT: Final = frozenset(
    (
        *("accept", "accept-charset", "accept-encoding", "accept-language", "cache-control", "content-encoding"),
        *("content-type", "dnt", "expect", "if-match", "if-modified-since", "if-none-match", "if-range", "origin"),
        *("if-unmodified-since", "pragma", "prefer", "priority", "range", "referer", "save-data", "te", "user-agent"),
        *("sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform", "sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site"),
        *("sec-fetch-user", "sec-gpc", "upgrade-insecure-requests", "x-requested-with", "x-pypi-last-serial"),
    )
)
CREDENTIALS: Final = ("authorization", "cookie", "proxy-authorization")
_URLS: Final = frozenset(("origin", "referer"))
_LONGEST: Final = 2_048  # characters of one value
_LONGEST_TARGET: Final = 8_192
_LONGEST_HOST: Final = 1_024

# Twenty characters and more without a break, of capital and small letters and digits: no name, no version, no digest
# in hexadecimal, as paths and user agents have them.
_RANDOM: Final = re.compile(
    r"(?<![A-Za-z0-9])(?=[A-Za-z]*+[0-9])(?=[a-z0-9]*+[A-Z])(?=[A-Z0-9]*+[a-z])[A-Za-z0-9]{20,}+(?:[-+=_.][A-Za-z0-9]*+)*+"
)
_HEX: Final = re.compile(r"(?<![A-Za-z0-9])[0-9A-Fa-f]{32,}+(?![A-Za-z0-9])")  # in a query: a key
_OF_SECRETS: Final = re.compile(SECRETS_FOLLOW)
_ODD: Final = re.compile(rf"[%;:=]|/{SECRETS_FOLLOW}/")
_SEPARATORS: Final = re.compile("([&;])")
_NO_TEXT: Final = re.compile(r"[\x00-\x1f\x7f]")


def kept_headers(values: Mapping[str, str]) -> dict[str, str]:
    """Of a request; names in lower case."""
    return {name: kept_value(name, values[name]) for name in values if name in KEPT}


def kept_value(name: str, value: str) -> str:
    value = value[:_LONGEST]
    if name in _URLS:
        scheme, mark, rest = value.partition("://")
        return f"{scheme}://{_without_user(rest)}" if mark else kept_target(value)
    return _if_plain(value)


def credentials_of(values: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(name for name in CREDENTIALS if name in values)


def kept_url(scheme: str, authority: str, target: str) -> str:
    """`target` in any form; one in absolute-form has its own authority."""
    target = target[:_LONGEST_TARGET]
    if not target.startswith("/"):
        _, mark, rest = target.partition("://")
        authority, slash, path = rest.partition("/") if mark else (authority, "", "")
        authority, question, query = authority.partition("?")
        target = f"{slash}{path}{question}{query}"
    return f"{scheme}://{_hidden_user(authority[:_LONGEST_HOST])}{kept_target(target)}"


def kept_target(target: str) -> str:
    """A path and query."""
    path, mark, query = target.partition("#")[0].partition("?")
    return f"{_kept_path(path)}{mark}{_kept_query(query)}"


def _kept_path(path: str) -> str:
    if _ODD.search(path) is None:  # PERF: most have nothing to look at one by one
        return _without_looks(path)
    parts, before = [], ""
    for part in path.split("/"):
        is_secret_one = len(part) >= LEAST and _OF_SECRETS.fullmatch(unquote(before)) is not None
        parts.append(HIDDEN if is_secret_one else _kept_part(part))
        before = part
    return _without_looks("/".join(parts))  # those that hold slashes, too


def _kept_part(part: str) -> str:
    """A segment; its parameters (RFC 3986 §3.3) are as those of a query."""
    return _kept_query(part) if "=" in part or ";" in part else _if_plain(part)


def _kept_query(query: str) -> str:
    return "".join([_kept_pair(each) for each in _SEPARATORS.split(query)])


def _kept_pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    if equals and value and is_secret(unquote(name.replace("+", " ")).strip()):
        return f"{_if_plain(name)}={HIDDEN}"
    if equals and _HEX.search(unquote(value)) is not None:
        value = HIDDEN
    return f"{_if_plain(name)}{equals}{_if_plain(value)}"


def _if_plain(text: str) -> str:
    """What is a token when its escapes are read goes as a whole."""
    read = unquote(text)
    if read != text and _without_tokens(read) != read:
        return HIDDEN
    return _without_tokens(text)


def _without_tokens(text: str) -> str:
    return _RANDOM.sub(HIDDEN, scrubbed_text(_NO_TEXT.sub(" ", text)))


def _without_looks(path: str) -> str:
    """By what tokens look like alone: a name and its value do not reach beyond their segment."""
    return _RANDOM.sub(HIDDEN, scrubbed_target(path))


def _without_user(rest: str) -> str:
    """What follows a URL's scheme."""
    authority, slash, path = rest.partition("/")
    return f"{_hidden_user(authority)}{kept_target(slash + path)}"


def _hidden_user(authority: str) -> str:
    _, at, host = authority.rpartition("@")
    return f"{HIDDEN}@{host}" if at else host
