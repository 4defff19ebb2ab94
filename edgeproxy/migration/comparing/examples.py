"""One compared exchange as it is kept for a report: scrubbed, without its client's address, bounded, as JSON both
ways.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from edgeproxy.migration.comparing.answers import Answer
from edgeproxy.migration.comparing.differences import Difference, from_json, to_json
from edgeproxy.migration.comparing.scrubbing import (
    HIDDEN,
    is_secret,
    scrubbed_text,
)
from edgeproxy.migration.comparing.targets import kept_link, scrubbed_headers

_MOST_CONTENT: Final = 2_000  # characters of an answer's content
_MOST_FIELDS: Final = 40
_MOST_VALUE: Final = 400
_MOST_DIFFERENCES: Final = 20
_STEPS: Final = re.compile("[/:]")
_FORWARDED: Final = ("forwarded", "x-forwarded", "x-original-forwarded-for", "x-real-")
_OF_URL: Final = frozenset(("x-forwarded-host", "x-forwarded-port", "x-forwarded-prefix", "x-forwarded-proto"))

Headers = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer in an example. `size` is that of its content, in octets; `content` its beginning."""

    status: int
    headers: dict[str, list[str]]
    size: int
    content: str

    @classmethod
    def of(cls, answer: Answer) -> Shown:
        # Scrubbed before it is cut: half a token is a secret too, and is recognised less well.
        text = answer.content[: 4 * _MOST_CONTENT].decode("utf-8", "backslashreplace")
        size = len(answer.content) if answer.size is None else answer.size
        return cls(answer.status, _headers(answer.headers), size, scrubbed_text(text)[:_MOST_CONTENT])


@dataclass(frozen=True, slots=True)
class Example:
    """`at` is in POSIX seconds; `headers` are those of the request."""

    at: float
    method: str
    target: str
    headers: dict[str, list[str]]
    old: Shown
    new: Shown
    differences: tuple[Difference, ...]

    @classmethod
    def of(
        cls,
        at: float,
        request: tuple[str, str, Headers],
        answers: tuple[Answer, Answer],
        differences: Sequence[Difference],
    ) -> Example:
        """`request` is its method, its target and its headers by names in lower case; `answers` are old and new."""
        method, target, headers = request
        old, new = map(Shown.of, answers)
        found = tuple(map(scrubbed, differences[:_MOST_DIFFERENCES]))
        return cls(at, method[:_LONGEST_METHOD], kept_link(target)[:_MOST_CONTENT], _headers(headers), old, new,
                   found)  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        return {
            "at": self.at,
            "method": self.method,
            "target": self.target,
            "headers": self.headers,
            "old": _answer_json(self.old),
            "new": _answer_json(self.new),
            "differences": list(map(to_json, self.differences)),
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Example:
        return cls(
            float(found["at"]),
            str(found["method"]),
            str(found["target"]),
            _read_headers(found["headers"]),
            _read_answer(found["old"]),
            _read_answer(found["new"]),
            tuple(map(from_json, found["differences"])),
        )


def scrubbed(difference: Difference) -> Difference:
    """Its values may be a link with a token, or what stands under the name of a password."""
    hide = any(is_secret(each) for each in _STEPS.split(difference.path))  # of a list under such a name, too
    values = to_json(difference)
    for key in _VALUES:
        if isinstance(text := values.get(key), str):
            values[key] = HIDDEN if hide else _shown(difference.path, text)
    return from_json(values)


def _shown(path: str, value: str) -> str:
    _, of_header, name = path.partition("header:")
    return scrubbed_headers({name: [value]})[name][0] if of_header else scrubbed_text(value)


def _headers(headers: Headers) -> dict[str, list[str]]:
    kept = [(name, values) for name, values in headers.items() if not _is_of_client(name)]
    known = scrubbed_headers(dict(kept[:_MOST_FIELDS]))
    return {name[:_MOST_VALUE]: [value[:_MOST_VALUE] for value in values] for name, values in known.items()}


def _is_of_client(name: str) -> bool:
    """Whether it says who the client is, or its proxies."""
    name = name.lower().replace("_", "-")
    return name.endswith("-ip") or (name.startswith(_FORWARDED) and name not in _OF_URL)


def _answer_json(answer: Shown) -> dict[str, Any]:
    return {"status": answer.status, "headers": answer.headers, "size": answer.size, "content": answer.content}


def _read_answer(found: Mapping[str, Any]) -> Shown:
    headers = _read_headers(found["headers"])
    return Shown(int(found["status"]), headers, int(found["size"]), str(found["content"]))


def _read_headers(found: Mapping[str, Any]) -> dict[str, list[str]]:
    return {str(name): list(map(str, values)) for name, values in found.items()}


_LONGEST_METHOD: Final = 40
_VALUES: Final = ("old", "new")
