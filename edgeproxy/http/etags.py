"""Entity-tags (RFC 9110 §8.8.3): read, written, and compared in the two ways there are.

Law: a list that is not well formed holds no tags. So a malformed If-Match never lets a write through, and a
malformed If-None-Match never withholds content.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class EntityTag:
    """`opaque` is what stands between the quotes."""

    opaque: str
    weak: bool = False

    def __str__(self) -> str:
        return f'W/"{self.opaque}"' if self.weak else f'"{self.opaque}"'


# etagc is any visible character but DQUOTE: a comma does not end a tag and a backslash escapes nothing.
_TAG: Final = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_MEMBER: Final = re.compile(rf"[ \t]*(?:{_TAG.pattern}[ \t]*)?(,|\Z)")


def parse_entity_tag(text: str) -> EntityTag | None:
    """One entity-tag, as in an ETag field; None when it is not one."""
    match = _TAG.fullmatch(text)
    return None if match is None else EntityTag(match[2], match[1] is not None)


def parse_entity_tags(field: str) -> tuple[EntityTag, ...]:
    """The members of a list, empty ones skipped (§5.6.1.2); none when any is malformed."""
    tags: list[EntityTag] = []
    position, more = 0, True
    while more:
        match = _MEMBER.match(field, position)
        if match is None:
            return ()
        if match[2] is not None:
            tags.append(EntityTag(match[2], match[1] is not None))
        position, more = match.end(), match[3] == ","
    return tuple(tags)


def is_strong_match(one: EntityTag, other: EntityTag) -> bool:
    """§8.8.3.2: the same octets."""
    return one.opaque == other.opaque and not one.weak and not other.weak


def is_weak_match(one: EntityTag, other: EntityTag) -> bool:
    """§8.8.3.2: as good as the same."""
    return one.opaque == other.opaque
