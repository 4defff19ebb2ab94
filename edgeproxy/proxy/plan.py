"""From a request line and a Host to what will be done: pure, and remembered.

A plan holds everything that does not depend on the client, made ready to send. The same line and Host always have
the same plan under one ruleset, so the planner remembers it: a client's second request costs one look-up. What
no rule takes is not remembered, so that a flood of it drives nothing out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import assert_never

from edgeproxy.http.target import Target, parse_target
from edgeproxy.migration.place import arm_at, place_of, sticky_key
from edgeproxy.ruleset.model import (
    Backend,
    DirectoryBackend,
    Files,
    Forward,
    HostKind,
    HttpBackend,
    NoRule,
    Redirect,
    Respond,
    Routed,
    Ruleset,
    Split,
    UnknownHost,
    WrongMethod,
)

_REMEMBERED = 512  # octets of target and host; longer ones are planned anew: the memory is bounded in octets, too
NOSNIFF = b"X-Content-Type-Options: nosniff"  # a content host's bytes are what they say they are


@dataclass(frozen=True, slots=True)
class Pass:
    """Ask a backend. `to_content`: the request is for a content host, so no credential goes there, no cookie back."""

    rule: str
    backend: HttpBackend
    target: bytes
    authority: str  # what the client asked for
    to_content: bool


@dataclass(frozen=True, slots=True)
class ServeFile:
    """Answer from a directory. `path` is a normalised URL path."""

    rule: str
    directory: Path
    path: str
    to_content: bool


@dataclass(frozen=True, slots=True)
class ByArm:
    """The client's place decides; one plan for each arm, by backend name."""

    rule: str
    split: Split
    arms: Mapping[str, Pass | ServeFile]


@dataclass(frozen=True, slots=True)
class Answer:
    """The edge answers itself. `head` is the status line and field lines; Date, Connection and the empty line are
    still to come. `rule` is None where no rule took the request.
    """

    rule: str | None
    status: int
    head: bytes
    body: bytes


Plan = Pass | ServeFile | ByArm | Answer


def reason_phrase(status: int) -> str:
    """The registered reason phrase, or nothing (RFC 9112 §4 allows an empty one)."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def answer(status: int, fields: tuple[tuple[str, str], ...], body: bytes, rule: str | None = None) -> Answer:
    """An answer of the edge's own. Fields are checked by whoever wrote them into a rule: no CR, no LF."""
    lines = [f"HTTP/1.1 {status} {reason_phrase(status)}", "Server: edgeproxy"]
    lines += [f"{name}: {value}" for name, value in fields]
    if status not in (204, 304):
        lines.append(f"Content-Length: {len(body)}")
    return Answer(rule, status, "\r\n".join(lines).encode("latin-1"), body)


def say(status: int, message: str, *fields: tuple[str, str]) -> Answer:
    """A short text from the edge itself: what is wrong, for the human at the other end."""
    return answer(status, (("Content-Type", "text/plain; charset=utf-8"), *fields), f"{message}\n".encode())


def plan_request(ruleset: Ruleset, method: str, target: Target) -> Plan:
    """What the ruleset does with a request."""
    routing = ruleset.route(method, target.scheme, target.host, target.path)
    match routing:
        case Routed():
            return _plan_action(routing, target)
        case UnknownHost():
            return say(421, f"This edge does not answer for the host {target.host}.")
        case NoRule():
            return say(404, "No rule of this edge matches the path.")
        case WrongMethod(allow=allow):
            return say(405, "No rule of this edge takes this method here.", ("Allow", ", ".join(allow)))
        case _:
            assert_never(routing)


def choose_arm(plan: ByArm, values: Mapping[str, str], address: str) -> tuple[str, Pass | ServeFile]:
    """A client's arm, by the first rung of the sticky ladder that its request has: the backend's name, and its plan."""
    key = sticky_key(plan.split.sticky, values, address)
    name = arm_at(plan.split, place_of(key, plan.split.name)).backend.name
    return name, plan.arms[name]


def _plan_action(routed: Routed, target: Target) -> Plan:
    rule, action = routed.rule, routed.rule.action
    to_content = routed.host.kind is HostKind.CONTENT
    match action:
        case Forward(to=to):
            return _plan_forward(to, rule.name, target, to_content)
        case Redirect(to=to, status=status, lifetime=lifetime):
            location = _with_query(to.expand(routed.captures), target.query)
            held = () if lifetime is None else (("Cache-Control", f"max-age={int(lifetime)}"),)
            return answer(status, (("Location", location), *held), b"", rule.name)
        case Respond(status=status, headers=headers, body=body):
            return answer(status, headers, body, rule.name)
        case Files(directory=directory, path=path):
            where = target.path if path is None else path.expand(routed.captures)
            return ServeFile(rule.name, directory, where, to_content)
        case _:
            assert_never(action)


def _plan_forward(to: Backend | Split, rule: str, target: Target, to_content: bool) -> Plan:
    if isinstance(to, Split):
        return ByArm(rule, to, {a.backend.name: _to_backend(a.backend, rule, target, to_content) for a in to.arms})
    return _to_backend(to, rule, target, to_content)


def _to_backend(backend: Backend, rule: str, target: Target, to_content: bool) -> Pass | ServeFile:
    match backend:
        case HttpBackend():
            asked = _with_query(target.path, target.query).encode("ascii")
            return Pass(rule, backend, asked, target.authority, to_content)
        case DirectoryBackend(directory=directory):
            return ServeFile(rule, directory, target.path, to_content)
        case _:
            assert_never(backend)


def _with_query(path: str, query: str | None) -> str:
    return path if query is None else f"{path}{'&' if '?' in path else '?'}{query}"


class Planner:
    """Plans under one ruleset, and the memory of them."""

    __slots__ = ("_most", "_plans", "ruleset")

    def __init__(self, ruleset: Ruleset, most: int) -> None:
        self.ruleset = ruleset
        self._most = most
        self._plans: dict[tuple[bytes, str, str | None], Plan] = {}

    def plan(self, method: bytes, target: str, host_field: str | None) -> Plan:
        """Raises edgeproxy.http.target.BadTarget."""
        key = (method, target, host_field)
        plan = self._plans.get(key)
        if plan is None:
            plan = plan_request(self.ruleset, method.decode("ascii"), parse_target(target, host_field))
            if plan.rule is not None and len(target) + len(host_field or "") <= _REMEMBERED:
                if len(self._plans) >= self._most:  # start over: simple, and a flood of new URLs costs no bookkeeping
                    self._plans.clear()
                self._plans[key] = plan
        return plan
