"""Walks of a rehearsal over backends that answer what a test says, without a network."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from edgeproxy.cli.explaining.request import Request
from edgeproxy.cli.rehearsing.courses import Walked, walk_all
from edgeproxy.cli.rehearsing.findings import found_in
from edgeproxy.cli.rehearsing.found import problems
from edgeproxy.cli.rehearsing.walk import Ask, Course, Heard, Origin, Start, Walk
from edgeproxy.cli.rehearsing.walking import Walking
from edgeproxy.http.target import Scheme, parse_target
from edgeproxy.proxy.plan import Pass
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.model import Routed, Ruleset
from edgeproxy.ruleset.problems import Problem
from edgeproxy.telemetry.counters import BackendFailure

PLAIN = Course()
NOW = 1_523_894_400.0  # 16 April 2018, 16:00 UTC
FRONT = """edge: 1
listen: [{address: "127.0.0.1:8080"}]
hosts:
  app: {names: [pypi.test]}
  old: {names: [legacy.pypi.test]}
  content: {names: [files.pypihosted.test], kind: content}
backends:
  legacy: {url: "http://127.0.0.1:8081", host: legacy.pypi.test}
  modern: {url: "http://127.0.0.1:8082", host: pypi.test}
cutovers: {reads: {from: legacy, to: modern, steps: [100], hold: 1m}}
rules:
"""
Said = Heard | int | str | BackendFailure  # an answer; its status; where it redirects (301); why there is none
Answers = Mapping[str, Said]  # by `BACKEND TARGET`; what is not here is 404


def rules(text: str) -> Ruleset:
    """`text`: the rules, one a line."""
    lines = "".join(f"  - {line.strip()}\n" for line in text.strip().splitlines())
    return parse_ruleset(FRONT + lines, "rules.yaml", base=Path("/srv"))


def start(
    ruleset: Ruleset,
    url: str,
    method: str = "GET",
    *,
    call: str | None = None,
    body: str | None = None,
    origin: Origin = Origin.EXPECT,
    status: int | None = None,
) -> Start:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    target = parse_target(slash + path, host, Scheme(scheme))
    request = Request(method, target, {}, "127.0.0.1", call, NOW, body=body)
    routing = ruleset.route(method, target.scheme, target.host, target.path, request.facts)
    assert isinstance(routing, Routed)
    return Start(request, routing.rule, origin, hits=9 if status else 0, status=status)


def walked(of: Ruleset, begin: Start, answers: Answers) -> tuple[Walked, list[str]]:
    """All walks of a start, and what was asked, in order."""
    asked: list[str] = []

    async def ask(wanted: Ask) -> Heard:
        plan = wanted.plan
        target = plan.target if isinstance(plan, Pass) else plan.path
        asked.append(f"{wanted.backend} {target}")
        return heard(answers.get(asked[-1], 404))

    return asyncio.run(walk_all(Walking(of), begin, ask)), asked


def walk(of: Ruleset, begin: Start, answers: Answers, course: Course = PLAIN) -> Walk:
    """The one of a course."""
    found = walked(of, begin, answers)[0]
    return next(each for each in found.walks if each.course == course)


def found(of: Ruleset, begin: Start, answers: Answers) -> list[Problem]:
    return problems(found_in(walked(of, begin, answers)[0]))


def heard(said: Said) -> Heard:
    match said:
        case Heard():
            return said
        case BackendFailure():
            return Heard(failure=said)
        case int():
            return Heard(said, content_type="text/html")
        case str():
            return Heard(301, location=said)


def urls(one: Walk) -> list[str]:
    return [step.request.url for step in one.steps]
