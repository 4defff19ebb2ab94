"""What a shadow brings in: one request that two sides answered, as it is handed on to be compared.

Laws of this module:
- a specimen is whole in itself: who compares it needs nothing but the rules;
- it holds no credential: what is secret was taken off the request before it was sent, and is not written down here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Silence(StrEnum):
    """Why a side gave no whole answer."""

    CONNECT = "connect"  # refused, unreachable, no connection in time, a TLS failure, no healthy endpoint
    TIMEOUT = "timeout"  # of the head, of the body, of the whole
    BROKEN = "broken"  # a reset or an end in mid-answer, or what is no HTTP


class Astray(StrEnum):
    """Where nobody is asked who could be compared: `ELSEWHERE` and `FILES` are told by the URL alone."""

    LOOP = "loop"  # back to what was asked before
    TOO_MANY = "too many hops"
    ELSEWHERE = "elsewhere"  # at no host of the rules, or at another port
    FILES = "files"  # at a directory that the edge itself serves: the same for both sides


@dataclass(frozen=True, slots=True)
class Part:
    """One side's answer. `lines` are its field lines as they came, each with its CRLF. `content` is as it came, with
    its content-coding; `is_cut`: there was more, which was not held. Where content was hashed and not held, `digest` is
    its SHA-256 (hex), and `size` its length in octets. `ending`: where it leads, if it is a redirect that was followed.
    """

    status: int
    lines: bytes
    content: bytes = b""
    is_cut: bool = False
    digest: str = ""
    size: int | None = None
    ending: Ending | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """Where a client ends that follows a redirect: the last URL, and what is there."""

    url: str
    what: Part | Silence | Astray


@dataclass(frozen=True, slots=True)
class Specimen:
    """`at`: POSIX seconds, when the client asked; `number` and `generation`: of the shares and rules in force then.
    `asked` is the normalised path and query that the client asked for; `lines` the request's field lines as the shadow
    got them. `again`: what the old side answered the second time, where it was asked for the sake of noise.
    `is_overridden`: its client is on its arm by a pin or a token, and so is no random sample. `unasked`: how many more
    requests of the rule the new side was not even asked, since it answered nobody, and the first of them came at
    `unasked_since`: for a gate they are as many that have no answer. `lost`: how many specimens of the rule, under
    the same shares, could not be compared before this one: there was no room, or the comparer that had them ended.
    """

    rule: str
    generation: int
    number: int
    at: float
    method: str
    host: str
    asked: str
    lines: bytes
    old: Part
    new: Part | Silence
    again: Part | Silence | None = None
    is_overridden: bool = False
    unasked: int = 0
    unasked_since: float = 0.0
    lost: int = 0
