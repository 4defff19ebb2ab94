"""From the text of `path: {regex: ...}` to a PathRegex.

Laws of this module:
- a capture never begins or ends inside an escape, and none of its segments is `.` or `..`: a match in which one would
  does not count (as in segment.py);
- that a capture is never empty is said only where the expression shows it (regex_groups.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import quote

import re2

from edgeproxy.ruleset.matching import PathRegex
from edgeproxy.ruleset.problems import Code, Refusal
from edgeproxy.ruleset.regex import read_ascii_regex
from edgeproxy.ruleset.regex_groups import Group, named_groups
from edgeproxy.ruleset.scan import NAME

_RANGE_OCTETS: Final = 16
_ASCII: Final = "it is matched on the percent-encoded path, which is printable ASCII."


def parse_path_regex(source: str) -> PathRegex:
    """Raises Refusal."""
    expression = read_ascii_regex(source, _ASCII, f"write other characters percent-encoded, as in {quote('é')} for é.")
    groups = named_groups(source)
    _check_names(groups)
    _check_beginning(expression)
    hollow = frozenset(group.name for group in groups if group.may_be_empty)
    return PathRegex(source, tuple(group.name for group in groups), hollow, _splitter(expression))


def _check_names(groups: Sequence[Group]) -> None:
    """RE2 would let a name begin with a digit, and stand twice."""
    seen: set[str] = set()
    for group in groups:
        if not NAME.fullmatch(group.name):
            raise Refusal(
                Code.BAD_REGEX,
                f"{group.name!r} is not the name of a capture",
                "a name has letters, digits and underscores, and does not begin with a digit.",
                "name the group so.",
                group.name_at,
            )
        if group.name in seen:
            raise Refusal(
                Code.BAD_REGEX,
                f"two captures are named {group.name!r}",
                "each capture has one value.",
                "give the second another name.",
                group.name_at,
            )
        seen.add(group.name)


def _check_beginning(expression: re2._Regexp) -> None:
    """RE2 knows an interval of octets that all its matches lie in. What it leaves open the checker decides."""
    least, most = expression.possiblematchrange(_RANGE_OCTETS)
    if not least[:1] <= b"/" <= most[:1]:
        raise Refusal(
            Code.BAD_REGEX,
            "no path matches the regular expression",
            "it is matched against a whole path, which begins with a slash.",
            f"write /{expression.pattern.lstrip('^')} if that is meant, or begin it with .*",
        )


def _splitter(expression: re2._Regexp) -> Callable[[str], Mapping[str, str] | None]:
    groups = tuple(expression.groupindex.items())

    def split(path: str) -> Mapping[str, str] | None:
        found = expression.fullmatch(path.encode()) if path.startswith("/") else None
        if found is None:
            return None
        captures: dict[str, str] = {}
        for name, group in groups:
            start, end = found.span(group)  # -1, -1 where the group takes no part
            if not _is_whole(path, start, end):
                return None
            captures[name] = path[start:end] if start >= 0 else ""
        return captures

    return split


def _is_whole(path: str, start: int, end: int) -> bool:
    """Whether a part of a path can be a capture. An empty one can, wherever it stands."""
    if start >= end:
        return True
    if "%" in path[max(start - 2, 0) : start] or "%" in path[max(end - 2, start) : end]:
        return False
    return not any(segment in (".", "..") for segment in path[start:end].split("/"))
