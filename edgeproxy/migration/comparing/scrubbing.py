"""What of an exchange may be kept and shown: nothing that lets anybody in.

Laws of this module:
- it errs on the side of taking out: a header or parameter whose name speaks of a secret loses its value;
- what looks like a token is taken out wherever it stands, content included;
- it takes time in proportion to the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

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
    | (?<=://)[^/@\s"'<>]{1,200}+@                             # user and password of a URL
    """,
    re.VERBOSE,
)
_PAIR: Final = re.compile(  # in content: the end of a name, colon or equals sign, value
    rf"""(?i)((?:{_WORDS})[A-Za-z0-9_-]{{0,40}}+["']?[ ]{{0,4}}[:=][ ]{{0,4}})"""
    r"""("(?:[^"\\\n]|\\.)*+"?|'(?:[^'\\\n]|\\.)*+'?|[^\s&;,<>"']++)"""
)


def is_secret(name: str) -> bool:
    """Whether a header, parameter or member of this name holds what nobody may see."""
    name = name.lower()
    return name in _SECRET_HEADERS or (name not in _NO_SECRETS and _SECRET_NAME.search(name) is not None)


def scrubbed_text(text: str) -> str:
    return _PAIR.sub(rf"\g<1>{HIDDEN}", _TOKENS.sub(HIDDEN, text))


def scrubbed_target(target: str) -> str:
    """A path and query, or a URL."""
    path, mark, query = target.partition("?")
    if not mark:
        return _TOKENS.sub(HIDDEN, path)
    pairs = (each.partition("=") for each in query.split("&"))
    kept = "&".join(
        f"{name}={HIDDEN}" if equals and is_secret(name) else f"{name}{equals}{_TOKENS.sub(HIDDEN, value)}"
        for name, equals, value in pairs
    )
    return f"{_TOKENS.sub(HIDDEN, path)}?{kept}"


def scrubbed_headers(headers: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """By names in lower case."""
    return {name: [_scrubbed_value(name, value) for value in values] for name, values in headers.items()}


def _scrubbed_value(name: str, value: str) -> str:
    if name == "set-cookie":
        return f"{value.partition('=')[0][:100]}={HIDDEN}"
    if is_secret(name):
        return HIDDEN
    if name in ("location", "content-location", "referer", "link"):
        return scrubbed_target(value)
    return _TOKENS.sub(HIDDEN, value)
