"""What a case of the cache is made of, and the octets that its requests and answers are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from edgeproxy.caching.outcomes import NotStored, Outcome
from edgeproxy.http.dates import http_date

START: Final = 1_772_366_400  # Sunday, 1 March 2026, 12:00:00 GMT
_DATE: Final = re.compile(r"<(-?[0-9]+)>")
_REPEATED: Final = re.compile(r"<([^<>*]+)\*([0-9]+)>")


class Origin(Enum):
    """An origin that gives no answer."""

    DOWN = "down"  # it breaks the connection off


@dataclass(frozen=True)
class OriginAnswer:
    """`date`: None for no Date; `after`: seconds that it takes. `if_…` and `method`: for which requests it is given."""

    status: int = 200
    lines: tuple[str, ...] = ()
    body: bytes = b""
    date: float | None = 0.0
    after: float = 0.0
    is_chunked: bool = False
    trailers: tuple[str, ...] = ()
    has_own_length: bool = False  # no Content-Length but those of `lines`
    breaks_off: bool = False
    interim: bytes = b""
    if_field: str | None = None
    if_value: str | None = None
    if_content: str | None = None
    method: str | None = None

    def is_for(self, head: bytes, content: bytes) -> bool:
        """Whether it is the answer to a request that the origin got."""
        text = head.decode("latin-1")
        names = {line.partition(":")[0].lower() for line in text.split("\r\n")[1:]}
        return (
            (self.if_field is None or self.if_field.lower() in names)
            and (self.if_value is None or self.if_value in text)
            and (self.if_content is None or self.if_content.encode() in content)
            and (self.method is None or text.startswith(f"{self.method} "))
        )

    def octets(self, *, to_head: bool = False) -> bytes:
        """On the wire. One that breaks off lacks its end."""
        content = b"" if to_head else self.body
        head = self.head(is_framed=not to_head or bool(self.body))
        if self.is_chunked and not to_head:
            trailers = "".join(f"{line}\r\n" for line in self.trailers).encode("latin-1")
            end = b"" if self.breaks_off else b"0\r\n%b\r\n" % trailers
            content = (b"%x\r\n%b\r\n" % (len(content), content) if content else b"") + end
        return self.interim + head + b"\r\n" + content

    def head(self, *, is_framed: bool = True) -> bytes:
        """The status line and field lines, each with its CRLF."""
        lines = [f"HTTP/1.1 {self.status} Because", *self.lines]
        if self.date is not None:
            lines.append(f"Date: {http_date(START + self.date)}")
        if self.is_chunked:
            lines.append("Transfer-Encoding: chunked")
        elif is_framed and not self.has_own_length and self.status not in (204, 304):
            lines.append(f"Content-Length: {len(self.body) + (10 if self.breaks_off else 0)}")
        return "".join(f"{line}\r\n" for line in lines).encode("latin-1")


@dataclass(frozen=True)
class Gets:
    """What a client must get. None, and nothing, is not asserted."""

    statuses: tuple[int, ...]
    body: bytes | None = None
    body_has: tuple[bytes, ...] = ()
    lines: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    age: int | None = None
    outcomes: tuple[Outcome, ...] = ()
    why: tuple[NotStored, ...] = ()
    is_whole: bool = True


@dataclass(frozen=True)
class Step:
    """One request at one time. `origin`: what may be answered, first come first served; empty: it must not be asked."""

    at: float
    method: str
    target: str
    gets: Gets
    host: str = "pypi.test"
    lines: tuple[str, ...] = ()
    content: bytes | None = None
    origin: tuple[OriginAnswer, ...] | Origin = ()
    may_ask: bool = False
    sees: tuple[str, ...] = ()
    sees_not: tuple[str, ...] = ()

    @property
    def now(self) -> float:
        return START + self.at

    @property
    def request(self) -> bytes:
        lines = [f"{self.method} {self.target} HTTP/1.1", f"Host: {self.host}", *self.lines]
        if self.content is not None:
            lines.append(f"Content-Length: {len(self.content)}")
        return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1") + (self.content or b"")

    def answer_to(self, head: bytes, content: bytes) -> OriginAnswer | None:
        """The origin's answer to a request that it got; None when it is down."""
        if isinstance(self.origin, Origin):
            return None
        found = next((answer for answer in self.origin if answer.is_for(head, content)), None)
        assert found is not None, f"the origin has no answer for {head!r}"
        return found


@dataclass(frozen=True)
class Case:
    """`place` is its file and line; `rules` is a rule file with `{port}` for the origin's port."""

    name: str
    rfc: str
    place: str
    rules: str
    steps: tuple[Step, ...]
    note: str = ""


@dataclass(frozen=True)
class Asked:
    """A request that the origin got, and what it gave; None: nothing, being down."""

    head: bytes
    content: bytes
    answer: OriginAnswer | None


@dataclass(frozen=True)
class Seen:
    """What came of a step: the client's answer, and what the origin was asked for it, or because of it."""

    status: int
    fields: Sequence[tuple[str, str]]
    body: bytes
    asked: Sequence[Asked]
    outcome: Outcome | None = None
    why: NotStored | None = None
    is_whole: bool = True

    def values(self, name: str) -> list[str]:
        return [value for known, value in self.fields if known.lower() == name.lower()]


def written(text: str) -> str:
    """A line with its dates and repetitions written out."""
    text = _DATE.sub(lambda found: http_date(START + int(found[1])), text)
    return _REPEATED.sub(lambda found: found[1] * int(found[2]), text)
