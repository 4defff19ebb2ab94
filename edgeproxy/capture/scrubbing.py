"""What of a request a capture keeps: scrubbed before it is written anywhere.

Laws of this module:
- of headers only those in KEPT stay, and of those that hold credentials no more than that they were there;
- targets, and what a client writes as it likes (all headers but URLs and entity-tags), are scrubbed as everywhere
  (`targets.py` has the laws);
- what is cut is cut so that no half of a secret stays, which nobody would know for one;
- what was scrubbed stays as it is when it is scrubbed again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from edgeproxy.migration.comparing.scrubbing import HIDDEN, scrubbed_text
from edgeproxy.migration.comparing.targets import kept_authority, kept_link, kept_target, kept_words

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
_OF_TAGS: Final = frozenset(("if-match", "if-none-match", "if-range"))
_TAGS: Final = re.compile(r"""(?:(?:W/)?"[A-Za-z0-9+/_.:=-]{1,128}"(?:[ \t]*,[ \t]*|\Z)){1,64}""")  # RFC 9110 §8.8.3
_LONGEST: Final = 2_048  # characters of one value
_BEYOND: Final = 1_024
_LOOKS: Final = 4
_LONGEST_TARGET: Final = 8_192
_LONGEST_HOST: Final = 1_024


def kept_headers(values: Mapping[str, str]) -> dict[str, str]:
    """Of a request; names in lower case."""
    return {name: kept_value(name, values[name]) for name in values if name in KEPT}


def kept_value(name: str, value: str) -> str:
    """What lies a little beyond what is kept may say that something before it is a secret: `X is my password`."""
    kept = _kept_value(name, value[: _LONGEST + _BEYOND])
    for _ in range(_LOOKS):
        if len(kept) <= _LONGEST:
            break
        before, kept = kept, _kept_value(name, _cut(kept))  # `password is`, cut, tells `is`
        if kept == before:
            break
    return kept


def _cut(text: str) -> str:
    """Not within what stands for a secret."""
    mark = text.find(HIDDEN, _LONGEST - len(HIDDEN) + 1, _LONGEST + len(HIDDEN) - 1)
    return text[: _LONGEST if mark < 0 else mark + len(HIDDEN)]


def _end_of_parts(target: str) -> int:
    """Of whole ones, as much as may be."""
    return max(target.rfind(each, 0, _LONGEST_TARGET) for each in "/?&;") + 1


def _kept_value(name: str, value: str) -> str:
    if name in _URLS:
        return kept_link(value.partition("#")[0])
    if name in _OF_TAGS and _TAGS.fullmatch(value):
        return scrubbed_text(value)  # entity-tags are random to look at, and let nobody in
    return kept_words(value)


def credentials_of(values: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(name for name in CREDENTIALS if name in values)


def kept_url(scheme: str, authority: str, target: str) -> str:
    """`target` in any form; one in absolute-form has its own authority. One that is cut says so: it is another one."""
    if len(target) > _LONGEST_TARGET:
        target = f"{target[: _end_of_parts(target)]}{HIDDEN}"
    if not target.startswith("/"):
        _, mark, rest = target.partition("://")
        authority, slash, path = rest.partition("/") if mark else (authority, "", "")
        authority, question, query = authority.partition("?")
        target = f"{slash}{path}{question}{query}"
    if len(authority) > _LONGEST_HOST:
        authority = HIDDEN
    return f"{scheme}://{kept_authority(authority)}{kept_target(target)}"
