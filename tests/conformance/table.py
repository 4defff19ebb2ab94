"""The conformance table: cases read from requests/*.yaml and answers/*.yaml (README.md here says how they are written)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
WAYS = ("whole", "octets", "between")
_REPEATED = re.compile(rb"<([^<>*]+)\*([0-9]+)>")


def octets(text: str) -> bytes:
    """The octets a text of the table stands for: each character is one, and `<abc*3>` is `abcabcabc`."""
    return _REPEATED.sub(lambda match: match[1] * int(match[2]), text.encode("latin-1"))


@dataclass(frozen=True)
class Message:
    """A request as the backend saw it, or an answer as the client did. `fields` leave out what `ignored` names."""

    line: str
    fields: tuple[str, ...] = ()
    body: bytes = b""
    trailers: tuple[str, ...] = ()
    is_whole: bool = True

    @property
    def status(self) -> int:
        return int(self.line.split(" ")[1])


@dataclass(frozen=True)
class Expected:
    """What the client must see for one request. `None` means: not asserted."""

    status: int
    reason: str | None = None
    fields: tuple[str, ...] | None = None
    has: tuple[str, ...] = ()
    named: tuple[str, ...] = ()  # fields that must be there, whatever their value
    lacks: tuple[str, ...] = ()  # fields that must not
    body: bytes | None = None
    trailers: tuple[str, ...] = ()
    is_whole: bool = True


@dataclass(frozen=True)
class RequestCase:
    """Octets of a client, what the backend must see of them, and what the client must get."""

    name: str
    rfc: str
    rules: str
    send: bytes
    passed: tuple[Message, ...]
    answers: tuple[Expected, ...]
    interim: tuple[int, ...]
    closes: bool
    may_begin: bool  # a head may reach the backend before its body turns out malformed
    pending: str | None  # why the edge does not do it yet
    pending_in: tuple[str, ...]  # the ways in which it does not


@dataclass(frozen=True)
class AnswerCase:
    """Octets of a backend, and what the client must get of them."""

    name: str
    rfc: str
    rules: str
    ask: bytes
    backend: bytes
    ends: bool  # the backend closes behind its octets
    interim: tuple[Expected, ...]
    answer: Expected
    closes: bool  # the client's connection ends
    keeps: bool | None  # whether the backend's connection is used again; None: not asserted
    pending: str | None
    pending_in: tuple[str, ...]


def request_cases() -> list[RequestCase]:
    return [_request_case(entry) for entry in _entries("requests")]


def answer_cases() -> list[AnswerCase]:
    return [_answer_case(entry) for entry in _entries("answers")]


def _entries(folder: str) -> Iterator[dict[str, Any]]:
    for path in sorted((HERE / folder).glob("*.yaml")):
        document = yaml.safe_load(path.read_text())
        for entry in document["cases"]:
            defaults = {"rfc": document["rfc"], "rules": document.get("rules", "pass")}
            yield defaults | entry | {"name": f"{path.stem}: {entry['name']}"}


def _request_case(entry: dict[str, Any]) -> RequestCase:
    outcome = {"refused", "broken", "answered", "passed"} & entry.keys()
    assert len(outcome) == 1, f"{entry['name']}: one of refused, broken, answered, passed"
    passed = tuple(_passed(each) for each in _list(entry.get("passed", [])))
    refusal = entry.get("refused") or entry.get("broken")
    answered = tuple(_expected(each) for each in _list(entry.get("answered", [])))
    if refusal:
        answers: tuple[Expected, ...] = (Expected(refusal, has=("Connection: close",)),)
    elif "answer" in entry:
        answers = tuple(_expected(each) for each in _list(entry["answer"]))
    else:
        answers = answered or tuple(_echoed(message) for message in passed)
    return RequestCase(
        name=entry["name"],
        rfc=entry["rfc"],
        rules=entry["rules"],
        send=octets(entry["send"]),
        passed=passed,
        answers=answers,
        interim=tuple(entry.get("interim", ())),
        closes=entry.get("closes", bool(refusal)),
        may_begin="broken" in entry,
        pending=entry.get("pending"),
        pending_in=tuple(entry.get("pending_in", WAYS)),
    )


def _answer_case(entry: dict[str, Any]) -> AnswerCase:
    ask = entry.get("ask", "GET /case HTTP/1.1\r\nHost: pypi.test\r\n\r\n")
    if ask in ("HEAD", "POST", "OPTIONS"):
        ask = f"{ask} /case HTTP/1.1\r\nHost: pypi.test\r\n{'Content-Length: 0' if ask == 'POST' else 'X: x'}\r\n\r\n"
    gives = entry["gives"]
    return AnswerCase(
        name=entry["name"],
        rfc=entry["rfc"],
        rules=entry["rules"],
        ask=octets(ask),
        backend=octets(entry["backend"]),
        ends=entry.get("ends", False),
        interim=tuple(_expected(each) for each in entry.get("interim", ())),
        answer=_expected(gives),
        closes=entry.get("closes", isinstance(gives, dict) and not gives.get("whole", True)),
        keeps=entry.get("keeps"),
        pending=entry.get("pending"),
        pending_in=tuple(entry.get("pending_in", WAYS)),
    )


def _passed(entry: str | dict[str, Any]) -> Message:
    if isinstance(entry, str):
        return Message(f"{entry} HTTP/1.1")
    body = octets(entry.get("body", ""))
    return Message(f"{octets(entry['line']).decode('latin-1')} HTTP/1.1", tuple(entry.get("fields", ())), body)


def _echoed(message: Message) -> Expected:
    """What the table's backend says to a request: its method and target, so that answers cannot be mixed up."""
    method, target, _ = message.line.split(" ")
    return Expected(200, body=b"" if method == "HEAD" else f"{method} {target}".encode("latin-1"))


def _expected(entry: int | dict[str, Any]) -> Expected:
    if isinstance(entry, int):
        return Expected(entry)
    return Expected(
        entry["status"],
        reason=entry.get("reason"),
        fields=tuple(entry["fields"]) if "fields" in entry else None,
        has=tuple(entry.get("has", ())),
        named=tuple(entry.get("named", ())),
        lacks=tuple(entry.get("lacks", ())),
        body=octets(entry["body"]) if "body" in entry else None,
        trailers=tuple(entry.get("trailers", ())),
        is_whole=entry.get("whole", True),
    )


def _list(entry: Any) -> list[Any]:
    return entry if isinstance(entry, list) else [entry]
