"""Targets and words of strangers as they may be kept: paths, queries, hosts, user agents, without what lets anybody in.

Laws of this module:
- a value whose parameter, or a path segment before it, however far, speaks of a secret is taken out, however it is
  spelled: by percent-encoding, once or several times, with `;` in the place of `&`; so is what looks like a token,
  wherever it stands; a name that is taken out takes its value along;
- what a client writes as it likes is read as people write, too: `password is x`, `-p x`, `key: x`; what is searched
  for, with less suspicion (`spoken.py` has the border);
- behind a project's name stand its files and releases, whatever the name says: `/simple/token/token-1.0.tar.gz`;
- `p` is a page if its value is a number, else a password;
- what was scrubbed stays as it is when it is scrubbed again;
- it takes time in proportion to the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final
from urllib.parse import unquote

from edgeproxy.migration.comparing.rereading import rereadings, unescaped
from edgeproxy.migration.comparing.scrubbing import (
    HIDDEN,
    LEAST,
    NO_SECRETS,
    SECRETS_FOLLOW,
    is_of_project,
    is_secret,
    leads_to_secret,
    scrubbed_target,
    scrubbed_text,
    scrubbed_value,
)
from edgeproxy.migration.comparing.spoken import USER, searched_scrubbed, spoken_scrubbed

_OF_URLS: Final = frozenset(("location", "content-location", "referer", "origin"))
_OF_TAGS: Final = frozenset(("etag", "if-match", "if-none-match", "if-range"))  # random to look at
_TO_AUTHORITY: Final = re.compile("((?:[A-Za-z][A-Za-z0-9+.-]*:)?//)([^/?]*)")
_DEEPEST: Final = 6  # escapes within escapes: what nests deeper is nobody's, and is taken out
# Twenty characters and more without a break, of capital and small letters and digits: no name, no version, no digest
# in hexadecimal, as paths and user agents have them.
RANDOM: Final = re.compile(
    r"(?<![A-Za-z0-9])(?=[A-Za-z]*+[0-9])(?=[a-z0-9]*+[A-Z])(?=[A-Z0-9]*+[a-z])[A-Za-z0-9]{20,}+(?:[-+=_.][A-Za-z0-9]*+)*+"
)
HEX: Final = re.compile(r"(?<![A-Za-z0-9])[0-9A-Fa-f]{32,}+(?![A-Za-z0-9])")  # in a query: a key
OF_SECRETS: Final = re.compile(SECRETS_FOLLOW)
_LINK: Final = re.compile(rf"(/{SECRETS_FOLLOW})((?:/[^/\s?#&;,\"'<>()\\]*+)++)")  # within a text
BY_P: Final = re.compile(  # a password that is called no more than that
    r"(?<![A-Za-z0-9._~%$-])([Pp])=(?![0-9]{1,6}(?![^\s&;,)\"'#]))[^\s&;,)\"'#]++"
)
_PAGE: Final = re.compile("[0-9]{0,6}")
_OF_NAMES: Final = frozenset(("name", "field", "key", "n", "k"))
_OF_VALUES: Final = frozenset(("value", "val", "v", "content", "data"))
_SHORTEST: Final = 2  # characters of a parameter's name that says nothing: `/reset/?t=…`
_ODD: Final = re.compile(rf"[^!-~]|[%;:=+&\\]|/{SECRETS_FOLLOW}/")
_SLASHES: Final = re.compile(r" *[/\\] *")
_SEPARATORS: Final = re.compile("([&;])")
_NO_TEXT: Final = re.compile(r"[\x00-\x1f\x7f]")


def kept_target(target: str) -> str:
    """A path and query."""
    path, mark, query = target.partition("#")[0].partition("?")
    kept, is_behind = _kept_path(path)
    return f"{kept}{mark}{_kept_query(query, is_behind=is_behind)}"


def _kept_path(path: str) -> tuple[str, bool]:
    """With whether a segment of it speaks of a secret."""
    if _ODD.search(path) is None:  # PERF: most have nothing to look at one by one
        return _without_looks(path), False
    segments, parts, is_behind = path.split("/"), list[str](), False
    for at, part in enumerate(segments):
        is_hidden = is_behind and len(part) >= LEAST and not is_of_project(segments, at)
        parts.append(HIDDEN if is_hidden else _kept_part(part))
        is_behind = is_behind or _is_of_secrets(part)
    return _without_looks("/".join(parts)), is_behind  # those that hold slashes, too


def _is_of_secrets(part: str) -> bool:
    """By what stands last in it, if it holds slashes that are escaped."""
    return any(leads_to_secret(_SLASHES.split(each)[-1]) for each in _readings(part))


def _kept_part(part: str) -> str:
    """A segment; its parameters (RFC 3986 §3.3) are as those of a query."""
    return _kept_query(part) if "=" in part or ";" in part else _if_plain(part)


def _kept_query(query: str, *, is_behind: bool = False) -> str:
    pairs = _SEPARATORS.split(query)
    is_named = "=" in query and any(map(_names_secret, pairs))
    return "".join([_kept_pair(each, is_behind, is_named) for each in pairs])


def _names_secret(pair: str) -> bool:
    """`name=password`: another pair has the value."""
    name, _, value = pair.partition("=")
    return name in _OF_NAMES and any(map(is_secret, _readings(value)))


def _kept_pair(pair: str, is_behind: bool, is_named: bool) -> str:
    name, equals, value = pair.partition("=")
    kept = _if_plain(name)
    if not equals or not value:
        return f"{kept}{equals}"
    if kept == HIDDEN or (is_named and name in _OF_VALUES) or any(_hides(each, value) for each in _readings(name)):
        return f"{kept}={HIDDEN}"
    if (is_behind and _is_of_link(name, value)) or any(map(HEX.search, _readings(value))):
        return f"{kept}={HIDDEN}"
    return f"{kept}={_if_plain(value)}"


def _hides(name: str, value: str) -> bool:
    name = _NO_TEXT.sub("", name).strip()
    return is_secret(name) or (name in ("p", "P") and _PAGE.fullmatch(value) is None)


def _is_of_link(name: str, value: str) -> bool:
    return len(name) <= _SHORTEST and len(value) >= LEAST and "/" not in unquote(value)


def _if_plain(text: str, read_words: Callable[[str], str] = searched_scrubbed) -> str:
    """What is a token when its escapes are read goes as a whole. `read_words`: takes out what is told in words."""
    readings = _readings(text)
    if len(readings) > _DEEPEST or any(_has_tokens(each, read_words) for each in readings[1:]):
        return HIDDEN
    kept = _without_tokens(text, read_words)
    is_link = "\\" in kept and _is_link(kept)  # behind slashes it went already
    return HIDDEN if is_link or any(_has_tokens(each, read_words) for each in rereadings(kept)) else kept


def _readings(text: str) -> list[str]:
    """It, and what it says when its escapes are read, again and again; more than `DEEPEST`: there is no end to it."""
    readings = [text]
    while len(readings) <= _DEEPEST and (read := _read(readings[-1])) != readings[-1]:
        readings.append(read)
    return readings


def _read(text: str) -> str:
    read = unquote(text.replace("+", " ")) if "%" in text or "+" in text else text
    return read if read != text else unescaped(text)


def _without_tokens(text: str, read_words: Callable[[str], str]) -> str:
    text = USER.sub(HIDDEN, _NO_TEXT.sub(" ", text))
    if "/" in text:
        text = _LINK.sub(_hidden_link, text)
    if "=" in text:
        text = BY_P.sub(rf"\1={HIDDEN}", text)
    return RANDOM.sub(HIDDEN, read_words(scrubbed_text(text)))


def _has_tokens(read: str, read_words: Callable[[str], str]) -> bool:
    """Of what was escaped: `reset%2F…` is a path, too."""
    return any(_is_link(each) or _without_tokens(each, read_words) != each for each in (read, *rereadings(read)))


def _is_link(read: str) -> bool:
    if "/" not in read and "\\" not in read:
        return False
    path = _SLASHES.sub("/", f"/{read}")
    return _LINK.sub(_hidden_link, path) != path


def _hidden_link(found: re.Match[str]) -> str:
    return found[1] + "/".join([HIDDEN if len(part) >= LEAST else part for part in found[2].split("/")])


def _without_looks(path: str) -> str:
    """By what tokens look like alone: a name and its value do not reach beyond their segment."""
    return RANDOM.sub(HIDDEN, scrubbed_target(USER.sub(HIDDEN, path)))


def kept_name(text: str) -> str:
    """A host or a user agent, wherever one is told."""
    return _if_plain(_hidden_user(text) if "@" in text and " " not in text else text, spoken_scrubbed)


def kept_words(text: str) -> str:
    """What a client writes as it likes."""
    return _if_plain(text, spoken_scrubbed)


def kept_authority(authority: str) -> str:
    """Clients say what they like in Host."""
    host, colon, port = _hidden_user(authority).rpartition(":")
    if not colon or not port.isdigit():
        host, colon, port = f"{host}{colon}{port}", "", ""
    return f"{_if_plain(host)}{colon}{port}"


def kept_link(url: str) -> str:
    """A URL, or a reference; its fragment, too."""
    url, mark, fragment = url.partition("#")
    found = _TO_AUTHORITY.match(url)
    authority, rest = ("", url) if found is None else (found[2], url[found.end() :])
    before = "" if found is None else found[1]
    return f"{before}{kept_authority(authority)}{kept_target(rest)}{mark}{kept_words(fragment)}"


def scrubbed_headers(headers: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Of a request or an answer; by names in lower case."""
    return {name: [_of_header(name, value) for value in values] for name, values in headers.items()}


def _of_header(name: str, value: str) -> str:
    if name == "set-cookie":
        return f"{value.partition('=')[0][:100]}={HIDDEN}"
    if is_secret(name):
        return HIDDEN
    if name in _OF_URLS:
        return kept_link(value)
    if name == "link":
        return scrubbed_target(value)
    return scrubbed_value(value) if name in NO_SECRETS or name in _OF_TAGS else kept_words(scrubbed_value(value))


def _hidden_user(authority: str) -> str:
    _, at, host = authority.rpartition("@")
    return f"{HIDDEN}@{host}" if at else host
