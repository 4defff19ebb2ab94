"""Whether the groups of a path's regular expression always hold whole segments.

A match in which a group would end inside an escape, or hold `.` or `..`, does not count (matching.PathRegex). Where a
group stands between slashes or the path's end this cannot be: the path is normalised.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from edgeproxy.ruleset.matching import PathRegex

_NAMED: Final = ("(?P<", "(?<")
_MAY_BE_NONE: Final = ("?", "*", "{")


def has_whole_captures(pattern: PathRegex) -> bool:
    """False also where it is not plain to see."""
    source = pattern.source
    if not pattern.captures:
        return True
    if "\\Q" in source:
        return False
    starts = [at for at in range(len(source)) if source.startswith(_NAMED, at)]
    return len(starts) == len(pattern.captures) and all(_is_apart(source, at) for at in starts)


def group_sources(pattern: PathRegex) -> Mapping[str, str]:
    """The expression inside each named group, as far as it is plain to see."""
    source = pattern.source
    if "\\Q" in source or re.search(r"\(\?[A-Za-z-]*[ims-][A-Za-z-]*[:)]", source):
        return {}  # what a group means depends on flags that stand outside it
    found: dict[str, str] = {}
    for name in pattern.captures:
        for opening in (f"(?P<{name}>", f"(?<{name}>"):
            at = source.find(opening)
            end = _end(source, at) if at >= 0 else None
            if end is not None:
                found[name] = source[at + len(opening) : end - 1]
    return found


def _is_apart(source: str, at: int) -> bool:
    """Whether the group that begins here stands between slashes, or a slash and the end."""
    end = _end(source, at)
    if end is None or source[at - 1 : at] != "/":
        return False
    after = source[end:]
    return after in ("", "$") or (after.startswith("/") and not after[1:].startswith(_MAY_BE_NONE))


def _end(source: str, at: int) -> int | None:
    """Where the group that begins here has ended."""
    depth, in_class = 0, False
    while at < len(source):
        character = source[at]
        if character == "\\":
            at += 1
        elif in_class:
            in_class = character != "]"
        elif character == "[":
            in_class = True
            at += source[at + 1 :].startswith("^")
            at += source[at + 1 :].startswith("]")  # first in a class, it is one of it
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return None
