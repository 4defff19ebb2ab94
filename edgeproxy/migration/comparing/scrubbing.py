"""What of an exchange may be kept and shown: nothing that lets anybody in.

Laws of this module:
- it errs on the side of taking out: a header or parameter whose name speaks of a secret loses its value;
- what looks like a token is taken out wherever it stands, content included; so is what stands beside a name that speaks
  of a secret (`token=…`, `"api_key": [...]`), in any header's value and any parameter's, too;
- a value that has a secret once its escapes are read, such as a URL in a query, goes as a whole;
- what was scrubbed stays as it is when it is scrubbed again;
- it takes time in proportion to the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote, unquote_plus

HIDDEN: Final = "[hidden]"

_SECRET_HEADERS: Final = frozenset(
    (
        *("authorization", "authentication-info", "cookie", "cookie2", "edge-arm"),
        *("proxy-authentication-info", "proxy-authorization"),
    )
)
_WORDS: Final = "|".join(
    (
        *("auth(?!or)", "authori[sz]", "token", "secret", "passw", "passphrase", "credential", "session"),
        *("signature", "csrf", "xsrf", "api-?_?key", "access-?_?key"),
    )
)
_SECRET_NAME: Final = re.compile(f"(?i){_WORDS}|(?:^|[-_])(?:key|sig|pwd|jwt|sid|code)$")
_NO_SECRETS: Final = frozenset(
    ("www-authenticate", "proxy-authenticate", "access-control-allow-credentials", "surrogate-key")
)
_TOKENS: Final = re.compile(
    r"""pypi-[A-Za-z0-9_-]{16,}+                              # macaroons of package indexes
    | eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{4,}+(?:\.[A-Za-z0-9_-]*+)?   # JSON Web Tokens
    | (?:gh[pousr]|glpat|xox[abprs]|sk|rk)[_-][A-Za-z0-9_-]{16,}+
    | AKIA[0-9A-Z]{16}
    | (?i:bearer|basic|digest)[ ]++[A-Za-z0-9._~+/=-]{8,}+
    | -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----[^-]*+
    | (?<=://)[^/\s"'<>]{1,200}@       # user and password of a URL, up to the last @
    """,
    re.VERBOSE,
)
_NAME: Final = re.compile(  # before a value: the end of a name, colon or equals sign
    rf"""(?i)(?:{_WORDS})[A-Za-z0-9_-]{{0,40}}+["']?[ ]{{0,4}}[:=][ ]{{0,4}}"""
    r"""|(?<![A-Za-z0-9])(?:(?:key|sig|pwd|jwt|sid|code)=|(?:key|sig|pwd|jwt|sid)["'][ ]{0,4}:[ ]{0,4})"""
)
_REST: Final = r"""[^\s&;,<>"'\])}]*+"""  # behind what is quoted, or a list
_BEHIND: Final = re.compile(_REST)
_VALUE: Final = re.compile(
    rf""""(?:[^"\\\n]|\\.)*+"?{_REST}|'(?:[^'\\\n]|\\.)*+'?{_REST}"""
    r"""|(?:(?i:basic|bearer|digest|token)[ ]++)?[^\s&;,<>"']++"""
)
_OF_LIST: Final = re.compile(r"""(?s)"(?:[^"\\]|\\.)*+"?|[^"\[\]{}]++|[\[\]{}]""")
SECRETS_FOLLOW: Final = (  # a path's segment behind which one stands
    "(?i:(?:api[-_]?)?(?:keys?|tokens?)|auth|oauth|bearer|basic|(?:re)?set[-_]?password|password[-_]?(?:re)?set|reset|"
    "confirm|verify[-_]?(?:e?mail)?|unsubscribe|invit(?:e|ations?)|magic|sessions?|secrets?|password|passwd|login)"
)
LEAST: Final = 8  # characters of such a segment: `/pypi/token/json` is a project's
_OF_SECRETS: Final = re.compile(SECRETS_FOLLOW)
_SEPARATORS: Final = re.compile("([&;])")
_PARTS: Final = re.compile("[?&;#]")
_DEEPEST: Final = 4  # escapes within escapes: nobody else quotes as often


def is_secret(name: str) -> bool:
    """Whether a header, parameter or member of this name holds what nobody may see."""
    name = name.lower()
    return name in _SECRET_HEADERS or (name not in _NO_SECRETS and _SECRET_NAME.search(name) is not None)


def holds_secret(text: str) -> bool:
    """Whether a value, or a query, has one: as it is, or when its escapes are read."""
    for _ in range(_DEEPEST):
        if scrubbed_text(text) != text or any(map(_is_secret_pair, _PARTS.split(text))):
            return True
        read = unquote_plus(text)
        if read == text:
            return False
        text = read
    return True


def scrubbed_text(text: str) -> str:
    text = _TOKENS.sub(HIDDEN, text)
    parts, at = list[str](), 0
    while (found := _NAME.search(text, at)) is not None:
        end = _end_of_value(text, found.end())
        parts += (text[at : found.end()], HIDDEN if end > found.end() else "")
        at = end
    return "".join((*parts, text[at:])) if parts else text


def scrubbed_value(text: str) -> str:
    """Of a header or a parameter."""
    kept = scrubbed_text(text)
    return HIDDEN if holds_secret(kept) else kept


def scrubbed_target(target: str) -> str:
    """A path and query, or a URL."""
    path, mark, query = target.partition("?")
    return f"{_scrubbed_path(path)}{mark}{''.join(map(_scrubbed_pair, _SEPARATORS.split(query)))}"


def scrubbed_headers(headers: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """By names in lower case."""
    return {name: [_of_header(name, value) for value in values] for name, values in headers.items()}


def _of_header(name: str, value: str) -> str:
    if name == "set-cookie":
        return f"{value.partition('=')[0][:100]}={HIDDEN}"
    if is_secret(name):
        return HIDDEN
    if name in ("location", "content-location", "referer", "link"):
        return scrubbed_target(value)
    return scrubbed_value(value)


def _scrubbed_path(path: str) -> str:
    parts, before = list[str](), ""
    for part in _TOKENS.sub(HIDDEN, path).split("/"):
        is_one = len(part) >= LEAST and _OF_SECRETS.fullmatch(unquote(before)) is not None
        parts.append(HIDDEN if is_one else scrubbed_value(part))
        before = part
    return "/".join(parts)


def _scrubbed_pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    if equals and is_secret(unquote_plus(name).strip()):
        return f"{scrubbed_value(name)}={HIDDEN}"
    return f"{scrubbed_value(name)}{equals}{scrubbed_value(value)}"


def _is_secret_pair(text: str) -> bool:
    name, _, value = text.partition("=")
    return bool(value) and not value.startswith(HIDDEN) and is_secret(name.strip().rpartition(" ")[2])


def _end_of_value(text: str, at: int) -> int:
    if text[at : at + 1] not in ("[", "{"):
        found = _VALUE.match(text, at)
        return at if found is None else found.end()
    rest = _BEHIND.match(text, _end_of_list(text, at))
    return len(text) if rest is None else rest.end()


def _end_of_list(text: str, at: int) -> int:
    """Of a list or object of JSON; one that is cut off has all that follows."""
    depth = 0
    for found in _OF_LIST.finditer(text, at):
        mark = found[0]
        depth += (mark in ("[", "{")) - (mark in ("]", "}"))
        if not depth:
            return found.end()
    return len(text)
