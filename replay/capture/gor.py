"""Files of GoReplay (`gor --output-file FILE`), packed by gzip or not: payloads, with a line of monkeys behind each.

    1 f45590522cd1838b4a0d5c5aab80b77929dea3b3 1523890800123456789 231000
    GET /simple/six/ HTTP/1.1
    ...
    🐵🙈🙉

The first line: 1 for a request, 2 for its answer, 3 for the answer of a target that it was replayed to; the id;
nanoseconds since the epoch; and how many it took, where that is known.

Laws of this module:
- a request and its answer have one id; a replayed answer counts where there is no other;
- a payload that is broken, or too large, costs itself; an answer without its request is one;
- what waits for its answer is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, BinaryIO, Final

from edgeproxy.capture.record import BadRecord, Captured, read_words
from edgeproxy.capture.requests import request_words
from replay.capture.found import Found, Skipped
from replay.capture.heads import Message, read_message
from replay.capture.logs import Assumed

LARGEST: Final = 1 << 26  # octets of a payload
_MOST_WAITING: Final = 16_384
_OCTETS_WAITING: Final = 1 << 26  # of what they are, together
_SEPARATOR: Final = "🐵🙈🙉\n".encode()
_AT_A_TIME: Final = 1 << 16
_META: Final = re.compile(rb"([123]) ([0-9A-Za-z_-]{1,128}) ([0-9]{1,19})(?: (-?[0-9]{1,19}))?\r?\n")
_REQUEST, _ANSWER, _REPLAYED = b"1", b"2", b"3"
_BODILESS: Final = (204, 304)


def is_gor(start: bytes) -> bool:
    """Whether a file that begins so is one."""
    return _META.match(start) is not None


@dataclass(frozen=True, slots=True)
class _Payload:
    kind: bytes
    id: bytes
    time: int  # nanoseconds
    took: int | None
    octets: bytes


@dataclass(slots=True)
class _Waiting:
    """A request, and the exchange as far as it is known."""

    time: int
    words: dict[str, Any]
    record: Captured


class _Requests:
    """Those that wait for their answers, by id."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, _Waiting] = {}
        self._octets = 0

    def add(self, id_: bytes, each: _Waiting) -> None:
        self._waiting[id_] = each
        self._octets += _octets_of(each)

    def get(self, id_: bytes) -> _Waiting | None:
        return self._waiting.get(id_)

    def pop(self, id_: bytes) -> _Waiting | None:
        found = self._waiting.pop(id_, None)
        if found is not None:
            self._octets -= _octets_of(found)
        return found

    def superfluous(self) -> Iterator[Captured]:
        """The oldest, without their answers, until there is room."""
        while len(self._waiting) > _MOST_WAITING or self._octets > _OCTETS_WAITING:
            oldest = self.pop(next(iter(self._waiting)))
            assert oldest is not None, "it was the first of them"
            yield oldest.record

    def rest(self) -> Iterator[Captured]:
        for each in self._waiting.values():
            yield each.record


def _octets_of(each: _Waiting) -> int:
    """About; what was asked alone, since that does not change while it waits."""
    return len(each.words["url"]) + sum(len(name) + len(value) for name, value in each.words["headers"].items())


def read_gor(file: BinaryIO, assumed: Assumed) -> Iterator[Found]:
    """Raises OSError, and what unpacking raises."""
    waiting = _Requests()
    for number, octets in enumerate(_payloads(file), 1):
        try:
            found = _take(_read_payload(octets), waiting, assumed)
        except BadRecord as error:
            yield Skipped(f"payload {number}", str(error))
            continue
        if found is not None:
            yield found
        yield from waiting.superfluous()
    yield from waiting.rest()


def _payloads(file: BinaryIO) -> Iterator[bytes]:
    """Of one that is too large, and of one at the end that is cut off, what there is of it."""
    payload, begins_line = bytearray(), False  # of lines of two octets a list would take thirty times as much
    while line := file.readline(_AT_A_TIME):
        if begins_line and line == _SEPARATOR:
            yield bytes(payload[:-1])  # the separator's own newline
            payload, begins_line = bytearray(), False
            continue
        if len(payload) <= LARGEST:
            payload += line
        begins_line = line.endswith(b"\n")
    if payload.strip():
        yield bytes(payload)


def _read_payload(octets: bytes) -> _Payload:
    """Raises BadRecord."""
    meta = _META.match(octets)
    if meta is None:
        raise BadRecord("its first line is not `kind id time took`")
    if len(octets) > LARGEST:
        raise BadRecord(f"it is of more than {LARGEST} octets")
    took = None if meta[4] is None or meta[4].startswith(b"-") else int(meta[4])
    return _Payload(meta[1], meta[2], int(meta[3]), took, octets[meta.end() :])


def _take(payload: _Payload, waiting: _Requests, assumed: Assumed) -> Captured | None:
    """The exchange that is known now. Raises BadRecord."""
    if payload.kind == _REQUEST:
        words = _asked(payload, assumed)
        record = read_words(words)
        before = waiting.pop(payload.id)
        waiting.add(payload.id, _Waiting(payload.time, words, record))
        return None if before is None else before.record
    asked = waiting.get(payload.id)
    if asked is None and payload.kind == _ANSWER:
        raise BadRecord("it is an answer, and its request is not here")
    if asked is None:  # replayed, and the request has its answer
        return None
    asked.record = read_words({**asked.words, **_answered(payload, asked)})
    if payload.kind == _ANSWER:
        waiting.pop(payload.id)
        return asked.record
    return None


def _asked(payload: _Payload, assumed: Assumed) -> dict[str, Any]:
    message = read_message(payload.octets)
    method, target = message.request
    host = message.headers.get("host") or assumed.host
    url = target if "://" in target.partition("?")[0] else f"{assumed.scheme}://{host}{target}"
    sent = None if message.content is None else len(message.content)
    return {**request_words(method, url, message.headers, None), "time": payload.time / 1e9, "sent": sent or None}


def _answered(payload: _Payload, asked: _Waiting) -> dict[str, Any]:
    message = read_message(payload.octets)
    took = None if payload.took is None else payload.took / 1e6
    times = {"ms": took}
    if payload.kind == _ANSWER:
        head = max(0, payload.time - asked.time) / 1e6
        times = {"head_ms": head, "ms": None if took is None else head + took}
    return {"status": message.status, **times, **_content(message, asked.words["method"])}


def _content(message: Message, method: str) -> dict[str, Any]:
    """What a recorder has cut off has no digest; an answer that ends with its connection tells of no end."""
    if method == "HEAD":
        return {"whole": True}
    content = b"" if message.status in _BODILESS else message.content
    if content is not None:
        return {"whole": True, "octets": len(content), "digest": sha256(content).hexdigest()}
    is_framed = "content-length" in message.headers or "transfer-encoding" in message.headers
    return {"whole": False} if is_framed else {}
