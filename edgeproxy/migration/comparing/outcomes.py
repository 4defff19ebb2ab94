"""What an XML-RPC call came to: HTTP says 200 to results and faults alike.

Laws of this module:
- of content that is not there as a whole, or is too large to be read, the beginning decides whether it is a result;
- a fault is told by its code; its text is for people, scrubbed, and never decides;
- what is no answer to a call, or cannot be read as one, is neither. Nothing here raises.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from edgeproxy.migration.comparing.bounds import BOUNDS, Bounds, BrokenContent, Flaw
from edgeproxy.migration.comparing.decoding import decode
from edgeproxy.migration.comparing.targets import kept_words
from edgeproxy.migration.comparing.trees import Tree
from edgeproxy.migration.comparing.xmlrpc_content import read_xmlrpc

_BEGINNING: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?(?>[ \t\r\n]++|<\?.{0,200}?\?>|<!--.{0,1000}?-->){0,20}+<methodResponse\s*+>\s*+<params\s*+>",
    re.DOTALL,
)
_OF_SIZE: Final = frozenset((Flaw.TOO_LARGE, Flaw.TOO_MANY))
_LONGEST: Final = 120  # characters of a text


@dataclass(frozen=True, slots=True)
class Result:
    def __str__(self) -> str:
        return "a result"


@dataclass(frozen=True, slots=True)
class Fault:
    """`code` as it was said: a number, by the book."""

    code: str
    text: str

    def __str__(self) -> str:
        return f"the fault {self.code}"


@dataclass(frozen=True, slots=True)
class NoOutcome:
    """No answer to a call."""

    why: str

    def __str__(self) -> str:
        return "no answer to a call"


Outcome = Result | Fault | NoOutcome


def outcome_of(
    content: bytes, content_type: str, content_encoding: str, *, is_cut: bool = False, bounds: Bounds = BOUNDS
) -> Outcome:
    """`is_cut`: there is more of it."""
    if is_cut:
        return _by_beginning(content, f"only its first {len(content):,} octets were read, which are none of a result")
    try:
        document = read_xmlrpc(decode(content, [content_encoding], bounds), [content_type], bounds)
    except BrokenContent as broken:
        why = _shown(str(broken))
        return _by_beginning(content, why) if broken.flaw in _OF_SIZE else NoOutcome(why)
    assert isinstance(document, dict), "it has params, or a fault"
    return _fault(document["fault"]) if "fault" in document else Result()


def _by_beginning(content: bytes, otherwise: str) -> Outcome:
    return NoOutcome(otherwise) if _BEGINNING.match(content) is None else Result()


def _fault(said: Tree) -> Fault:
    members: Mapping[str, Tree] = said if isinstance(said, dict) else {}
    return Fault(_shown(str(members.get("faultCode", "without a code"))), _shown(str(members.get("faultString", ""))))


def _shown(text: str) -> str:
    text = kept_words(" ".join(text.split()))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
