"""Qualities (RFC 9110 §12.4.2): how much a client wants one of several things."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_QVALUE: Final = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")  # no sign, no exponent, at most three decimals


def quality_of(parameters: Iterable[str]) -> float | None:
    """What a list member's parameters say: 1 where they say nothing; None for a malformed quality, or for a parameter
    that is none: then the member names something that nobody here knows.
    """
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip(" \t").lower() != "q" or not _QVALUE.fullmatch(value.strip(" \t")):
            return None
        quality = float(value)
    return quality
