"""How much of an answer a comparison looks at, and what is wrong with content that it cannot look into.

Law: whoever wrote the content, reading it ends: what goes beyond these bounds is broken content, and that is a finding.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


@dataclass(frozen=True, slots=True)
class Bounds:
    """`octets` are those of the content, decoded. `nodes` are values of JSON, `tags` those of HTML and elements of XML:
    a value takes less than 1 us, a tag 10 to 20 us, so that the most content of either kind takes seconds, not minutes.
    """

    octets: int = 8 << 20
    depth: int = 64
    nodes: int = 500_000
    tags: int = 100_000
    differences: int = 1_000


BOUNDS: Final = Bounds()


class Flaw(StrEnum):
    """Why content cannot be compared."""

    CUT = "cut"  # it is not there as a whole
    TOO_LARGE = "too large"
    TOO_DEEP = "too deep"
    TOO_MANY = "too many parts"
    CODING = "content coding"
    ENCODING = "character encoding"
    SYNTAX = "syntax"
    TWICE = "a name twice"  # in one object: readers differ on which one counts
    DTD = "document type"  # in XML that a program reads: entities are never expanded
    TOO_COSTLY = "too costly"  # to compare, in time or memory, with another one that can be read
    NOT_THE_KIND = "not the kind"  # well formed, but nothing that the comparison is of


class BrokenContent(Exception):
    """What readers of content raise; nobody outside this package sees it."""

    def __init__(self, flaw: Flaw, why: str) -> None:
        super().__init__(f"{flaw}: {why}")
        self.flaw = flaw
        self.why = why
