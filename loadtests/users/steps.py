"""What a client does, step by step, and what it is told.

A walk yields a step and is sent what was heard; it raises Wrong when an answer, though whole, is not what it should be.
It ends when the client is done. It reads no clock and rolls no dice but those that it is given.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from loadtests.users.headers import Headers
from loadtests.users.popularity import Ranks

OK: Final = frozenset((200,))
OK_OR_SAME: Final = frozenset((200, 304))
_MOST_KEPT: Final = 20_000


@dataclass(frozen=True, slots=True)
class Ask:
    """`name`: what tables call it. `expects`: statuses that are no failure, once redirects (at most `follows`) are
    followed. `digest`: SHA-256 that the content must have; "": any.
    """

    name: str
    url: str  # absolute, without a fragment
    headers: Headers  # in order, Host among them
    method: str = "GET"
    body: bytes = b""
    expects: frozenset[int] = OK
    follows: int = 30
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """Somebody reads."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer. `headers`: names in lower case; `content`: without codings; `url`: where it came from in the end."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str


class Wrong(Exception):
    """The answer is not what it should be; the message says why."""


Step = Ask | Pause
Walk = Generator[Step, Heard | None, None]


@dataclass(slots=True)
class World:
    """What a client knows when it begins. `names`: of projects, normalised, the most popular first; `known`: what it,
    or one like it, has kept: empty for one that has never been here. `serial`: of a mirror, what it has seen.
    """

    names: Sequence[str]
    ranks: Ranks
    dice: Random
    index: str = "http://pypi.test"
    old_index: str = "http://legacy.pypi.test"
    known: MutableMapping[str, Heard] = field(default_factory=dict)
    serials: MutableMapping[str, int] = field(default_factory=dict)

    def project(self) -> str:
        return self.names[self.ranks.draw(self.dice)]

    def keep(self, url: str, heard: Heard) -> None:
        """PERF: forgotten all at once: a client's cache is not what is measured."""
        if len(self.known) >= _MOST_KEPT:
            self.known.clear()
        self.known[url] = heard
