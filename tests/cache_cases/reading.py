"""Reading the cases. What a case may not say is an error with its file and line.

The reader is strict: a case that is misspelt would assert less than it says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml

from cache_cases.cases import Case, Gets, Origin, OriginAnswer, Step, written
from edgeproxy.caching.outcomes import NotStored, Outcome

HERE: Final = Path(__file__).parent
T = TypeVar("T")

_BACKEND: Final = {
    "url": "http://127.0.0.1:{port}",
    "host": "origin.pypi.test",
    "timeouts": {"connect": "500ms", "head": "2s", "between": "2s"},
}
_RULES: Final[Mapping[str, Any]] = {
    "edge": 1,
    "listen": [{"address": "127.0.0.1:0"}],
    "hosts": {"app": {"names": ["pypi.test"]}, "content": {"names": ["files.pypihosted.test"], "kind": "content"}},
    "backends": {"origin": _BACKEND},
}
_FROM_COPY: Final = (Outcome.HIT, Outcome.STALE, Outcome.STALE_IF_ERROR, Outcome.REVALIDATED)


class Malformed(Exception):
    """A case that cannot be read; the message begins with its place."""


def all_cases() -> list[Case]:
    """Every case, by file and in order. Raises Malformed."""
    found = [case for path in sorted(HERE.glob("*.yaml")) for case in read(path.read_text(), path.name)]
    names = [case.name for case in found]
    for case in found:
        if names.count(case.name) > 1:
            raise Malformed(f"{case.place}: another case has the name {case.name!r}")
    return found


def read(text: str, file: str) -> list[Case]:
    """The cases of one file's text. Raises Malformed."""
    document = _Table(yaml.safe_load(text), file)
    rfc, entries = document.need("rfc", str), document.need("cases", list)
    document.end()
    lines = _lines_of_cases(text)
    return [_case(_Table(entry, f"{file}:{line}"), rfc) for entry, line in zip(entries, lines, strict=True)]


def _lines_of_cases(text: str) -> Iterator[int]:
    """yaml.safe_load forgets places; the nodes know them."""
    for key, value in yaml.compose(text, Loader=yaml.SafeLoader).value:
        if key.value == "cases":
            yield from (node.start_mark.line + 1 for node in value.value)


class _Table:
    """A mapping that is read key by key, and must be empty in the end."""

    def __init__(self, entry: Any, place: str) -> None:
        self.place = place
        if not isinstance(entry, dict):
            raise self.error(f"{entry!r} is no table")
        self._left: dict[str, Any] = dict(entry)

    def error(self, why: str) -> Malformed:
        return Malformed(f"{self.place}: {why}")

    def need(self, key: str, kind: type[T]) -> T:
        if key not in self._left:
            raise self.error(f"it lacks `{key}`")
        return self._of_kind(key, self._left.pop(key), kind)

    def take(self, key: str, kind: type[T], default: T) -> T:
        return self._of_kind(key, self._left.pop(key), kind) if key in self._left else default

    def maybe(self, key: str) -> str | None:
        return self.need(key, str) if key in self._left else None

    def has(self, key: str) -> bool:
        return key in self._left

    def pop(self, key: str, default: Any = None) -> Any:
        return self._left.pop(key, default)

    def texts(self, key: str) -> tuple[str, ...]:
        found = self.take(key, list, [])
        if not all(isinstance(each, str) for each in found):
            raise self.error(f"`{key}` holds something that is no text: {found}")
        return tuple(found)

    def lines(self, key: str) -> tuple[str, ...]:
        found = self.texts(key)
        for line in found:
            if ":" not in line and not line.endswith(" HTTP/1.1"):
                raise self.error(f"`{key}` holds {line!r}, which is no field line")
        return tuple(map(written, found))

    def words(self, key: str, kind: Callable[[str], T]) -> tuple[T, ...]:
        found = self.pop(key, [])
        try:
            return tuple(kind(word) for word in (found if isinstance(found, list) else [found]))
        except (ValueError, TypeError) as error:
            raise self.error(f"`{key}`: {error}") from None

    def number(self, key: str, default: float) -> float:
        found = self.pop(key, default)
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise self.error(f"`{key}` is {found!r}, and no number")
        return found

    def end(self) -> None:
        if self._left:
            raise self.error(f"nobody knows what {', '.join(f'`{key}`' for key in self._left)} means")

    def _of_kind(self, key: str, value: Any, kind: type[T]) -> T:
        if not isinstance(value, kind):
            raise self.error(f"`{key}` is {value!r}, and no {kind.__name__}")
        return value


def _case(table: _Table, rfc: str) -> Case:
    name = table.need("name", str)
    table.place += f" {name!r}"
    case = Case(
        name=name,
        rfc=table.take("rfc", str, rfc),
        place=table.place.partition(" ")[0],
        rules=_rules(table),
        note=table.take("note", str, ""),
        steps=_steps(table),
    )
    table.end()
    return case


def _rules(table: _Table) -> str:
    return rules_of(table.pop("cache", {}), table.take("rule", dict, {}))


def rules_of(cache: Mapping[str, Any] | None, rule: Mapping[str, Any]) -> str:
    """The text of a rule file with one rule, and `{port}` for the origin's port."""
    rule = dict(rule)
    match = {"host": ["app", "content"], "path": "/{rest*}"} | rule.pop("match", {})
    whole = {"name": "case", "match": match, "forward": {"backend": "origin"}} | rule
    if cache is not None:
        whole["cache"] = dict(cache)
    return yaml.safe_dump({**_RULES, "rules": [whole]}, sort_keys=False)


def _steps(table: _Table) -> tuple[Step, ...]:
    entries = table.need("steps", list)
    if not entries:
        raise table.error("it has no steps")
    steps: list[Step] = []
    at = 0.0
    for number, entry in enumerate(entries, 1):
        step = _step(_Table(entry, f"{table.place}, step {number}"), at)
        steps.append(step)
        at = step.at
    return tuple(steps)


def _step(table: _Table, before: float) -> Step:
    at = table.number("at", before)
    method, _, target = table.need("ask", str).partition(" ")
    if not target:
        raise table.error("`ask` is a method and a target")
    content = table.maybe("content")
    origin = _origin(table, at)
    step = Step(
        at=at,
        method=method,
        target=target,
        host=table.take("host", str, "pypi.test"),
        lines=table.lines("with"),
        content=None if content is None else content.encode(),
        origin=origin,
        may_ask=table.take("may_ask", bool, False),
        sees=table.lines("sees"),
        sees_not=table.texts("sees_not"),
        gets=_gets(_Table(table.need("gets", dict), table.place), method, origin),
    )
    if (step.may_ask or step.sees or step.sees_not) and not origin:
        raise table.error("it says what the origin sees, and the origin has no answer")
    table.end()
    return step


def _origin(table: _Table, at: float) -> tuple[OriginAnswer, ...] | Origin:
    origin = table.pop("origin", [])
    if isinstance(origin, str):
        return Origin(origin)
    entries = origin if isinstance(origin, list) else [origin]
    return tuple(_answer(_Table(entry, f"{table.place}, origin"), at) for entry in entries)


def _answer(table: _Table, at: float) -> OriginAnswer:
    lines = [f"{name}: {table.need(key, str)}" for key, name in _SHORT.items() if table.has(key)]
    if table.has("lm"):
        lines.append(f"Last-Modified: <{int(table.number('lm', 0))}>")
    after = table.number("after", 0.0)
    date = table.pop("date", at)
    if date != "none" and not isinstance(date, int | float):
        raise table.error(f"`date` is {date!r}: seconds since the start, or none")
    length = table.pop("length")
    if length not in (None, "none"):
        raise table.error("`length` is none, or not there")
    answer = OriginAnswer(
        status=int(table.number("status", 200)),
        lines=(*map(written, lines), *table.lines("with")),
        body=table.take("body", str, "").encode(),
        date=None if date == "none" else date,
        after=after,
        is_chunked=table.take("chunks", bool, False),
        trailers=table.lines("trailers"),
        has_own_length=length == "none",
        breaks_off=table.take("breaks_off", bool, False),
        interim=table.take("interim", str, "").encode(),
        if_field=table.maybe("if"),
        if_value=table.maybe("if_value"),
        if_content=table.maybe("if_content"),
        method=table.maybe("method"),
    )
    if any(line.lower().startswith("content-length:") for line in answer.lines):
        answer = replace(answer, has_own_length=True)
    table.end()
    return answer


_SHORT: Final = {"cc": "Cache-Control", "etag": "ETag"}


def _gets(table: _Table, method: str, origin: tuple[OriginAnswer, ...] | Origin) -> Gets:
    outcomes = table.words("outcome", Outcome)
    statuses = table.words("status", int) or (_status(outcomes, origin),)
    body = table.maybe("body")
    gets = Gets(
        statuses=statuses,
        body=None if body is None else body.encode(),
        body_has=tuple(each.encode() for each in table.texts("body_has")),
        lines=table.lines("with"),
        named=table.texts("named"),
        lacks=table.texts("lacks"),
        age=int(table.number("age", 0)) if table.has("age") else None,
        outcomes=outcomes,
        why=table.words("why", NotStored),
        is_whole=table.take("whole", bool, True),
    )
    table.end()
    if Outcome.UNCACHEABLE in outcomes and not gets.why:
        raise table.error("an `uncacheable` says `why`")
    if method == "GET" and 200 in statuses and body is None and not gets.body_has and set(outcomes) & set(_FROM_COPY):
        raise table.error("it says that a copy is given, and not its `body`")
    return gets


def _status(outcomes: tuple[Outcome, ...], origin: tuple[OriginAnswer, ...] | Origin) -> int:
    """An answer that is passed on has the origin's status."""
    if isinstance(origin, Origin) or not origin or set(outcomes) & set(_FROM_COPY):
        return 200
    return origin[-1].status
