"""The cases of `expect`: a request, and what a ruleset must do with it. Pure: nothing is asked and nothing is sent.

    METHOD URL [with WHAT]... -> OUTCOME [by RULE]

WHAT is `header NAME=VALUE`, `xmlrpc METHOD`, `xmlrpc METHOD [PARAMETERS]` (as JSON; a rehearsal calls with them),
`client ADDRESS` or `time 2024-09-05T12:00Z`; OUTCOME is `forward NAME` (a backend, split or cutover), `STATUS`, `STATUS
LOCATION`, `fault CODE` or `files`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from math import isfinite
from typing import Final, assert_never
from urllib.parse import urljoin

from edgeproxy.http.target import BadTarget, Scheme, Target, parse_target
from edgeproxy.ruleset.leads import location
from edgeproxy.ruleset.matching import Facts
from edgeproxy.ruleset.model import (
    Files,
    Forward,
    NoRule,
    Redirect,
    RedirectMap,
    Respond,
    Routed,
    Ruleset,
    UnknownHost,
    WrongMethod,
)
from edgeproxy.ruleset.problems import Code, Refusal
from edgeproxy.ruleset.read_during import read_moment
from edgeproxy.ruleset.values import read_method

_CASE: Final = re.compile(r"(?P<method>\S+) +(?P<url>\S+)(?P<facts>(?: +with .*?)?) +-> +(?P<outcome>.+)")
_URL: Final = re.compile(r"(https?)://([^/?#]+)([^#]*)")
_OUTCOME: Final = re.compile(
    r"(?:forward (?P<forward>\S+)|(?P<status>[2-5][0-9]{2})(?: (?P<location>\S+))?"
    r"|fault (?P<fault>-?[0-9]+)|(?P<files>files))"
    r"(?: by (?P<rule>\S+))?"
)
_FORM: Final = "METHOD URL [with WHAT]... -> OUTCOME [by RULE]"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is done with a request; each part None where it does not apply. `location` is an absolute URL."""

    forward: str | None = None
    status: int | None = None
    location: str | None = None
    fault: int | None = None
    files: bool = False
    rule: str | None = None

    def __str__(self) -> str:
        by = "" if self.rule is None else f" by {self.rule}"
        if self.forward is not None:
            return f"forward {self.forward}{by}"
        if self.fault is not None:
            return f"fault {self.fault}{by}"
        if self.files:
            return f"files{by}"
        where = "" if self.location is None else f" {self.location}"
        return f"{self.status}{where}{by}"


Param = str | bool | int | float | list["Param"] | dict[str, "Param"]


@dataclass(frozen=True, slots=True)
class Case:
    """A request as a client sends it, and what is expected; parts of the outcome that are None were not said."""

    method: str
    url: str
    target: Target
    facts: Facts
    expected: Outcome = field(default_factory=Outcome)
    params: tuple[Param, ...] | None = None  # of the XML-RPC call, if they were said


def read_case(text: str) -> Case:
    """Raises Refusal."""
    found = _CASE.fullmatch(text)
    if found is None:
        raise _bad("this is no case", f"a case is {_FORM}.", "write it as in GET https://pypi.test/simple/ -> 200.")
    method = read_method(found["method"])
    target = _read_url(found["url"], found.start("url"))
    facts, params = _read_facts(found["facts"], found.start("facts"), target)
    if facts.call is not None and method != "POST":
        raise _bad(f"an XML-RPC call by {method}", "it is a POST.", "write POST.")
    expected = _read_outcome(found["outcome"], found.start("outcome"), found["url"])
    return Case(method, found["url"], target, facts, expected, params)


def outcome_of(ruleset: Ruleset, case: Case) -> Outcome:
    """What the ruleset does with the case's request, by the functions that the edge decides with."""
    target = case.target
    routing = ruleset.route(case.method, target.scheme, target.host, target.path, case.facts)
    match routing:
        case UnknownHost():
            return Outcome(status=421)
        case NoRule():
            return Outcome(status=404)
        case WrongMethod():
            return Outcome(status=405)
        case Routed(rule=rule):
            return replace(_outcome_of_rule(routing, case), rule=rule.name)
        case _:
            assert_never(routing)


def is_met(expected: Outcome, found: Outcome) -> bool:
    """Whether everything that was said is so."""
    return all(
        wanted is None or wanted is False or wanted == got
        for wanted, got in (
            (expected.forward, found.forward),
            (expected.status, found.status),
            (expected.location, found.location),
            (expected.fault, found.fault),
            (expected.files, found.files),
            (expected.rule, found.rule),
        )
    )


def _outcome_of_rule(routed: Routed, case: Case) -> Outcome:
    action, target = routed.rule.action, case.target
    match action:
        case Forward(to=to):
            return Outcome(forward=to.name)
        case Redirect(status=status) | RedirectMap(status=status):
            where = location(action, target.path, routed.captures, target.query, routed.rule.modifiers.query)
            return Outcome(status=status, location=_absolute(case.url, where))
        case Respond(status=status, fault=fault):
            where_to = action.header("location")
            return Outcome(
                status=status,
                location=None if where_to is None else _absolute(case.url, where_to),
                fault=None if fault is None else fault.code,
            )
        case Files():
            return Outcome(files=True)
        case _:
            assert_never(action)


def _read_url(text: str, offset: int) -> Target:
    found = _URL.fullmatch(text)
    if found is None:
        raise _bad(f"{text!r} is no URL", "a case asks as a client does.", "write https://HOST/PATH.", offset)
    path = found[3] if found[3].startswith("/") else f"/{found[3]}"
    try:
        return parse_target(path, found[2], Scheme(found[1]))
    except BadTarget as error:
        raise _bad(
            f"{text!r}: {error}", "the edge answers 400.", "write a URL that a client can ask for.", offset
        ) from None


def _read_facts(text: str, offset: int, target: Target) -> tuple[Facts, tuple[Param, ...] | None]:
    headers: dict[str, str] = {}
    params: tuple[Param, ...] | None = None
    client, call, now = "127.0.0.1", None, 0.0
    for item in re.finditer(r" +with (.*?)(?= +with |$)", text):
        kind, _, value = item[1].partition(" ")
        at = offset + item.start(1)
        if kind == "header" and "=" in value:
            name, _, content = value.partition("=")
            headers[name.lower()] = content
        elif kind == "xmlrpc" and value:
            call, blank, rest = value.partition(" ")
            params = _read_params(rest, at + len(kind) + len(call) + 2) if blank else None
        elif kind == "client" and _is_address(value):
            client = value
        elif kind == "time":
            now = _read_time(value, at + len("time "))
        else:
            raise _bad(
                f"{item[1]!r} says nothing of a request",
                "there is header NAME=VALUE, xmlrpc METHOD, client ADDRESS and time 2024-09-05T12:00Z.",
                "write one of them.",
                at,
            )
    return Facts(target.query, headers, client, call, now), params


def _read_params(text: str, offset: int) -> tuple[Param, ...]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not _is_param(found):
        why = "an XML-RPC call's are texts, numbers, true, false, and lists and objects of these, as JSON."
        raise _bad(f"{text!r} is no list of parameters", why, 'write it as in ["six", 0].', offset)
    return tuple(found)


def _is_param(value: object) -> bool:
    match value:
        case str():
            return value.isprintable()
        case bool():
            return True
        case int():
            return -(1 << 31) <= value < 1 << 31  # as XML-RPC has it
        case float():
            return isfinite(value)
        case list():
            return all(map(_is_param, value))
        case dict():
            return all(_is_param(name) and _is_param(each) for name, each in value.items())
        case _:
            return False


def _read_time(text: str, offset: int) -> float:
    try:
        return read_moment(text)
    except Refusal as error:
        raise Refusal(error.code, error.message, error.why, error.remedy, offset + error.offset) from None


def _read_outcome(text: str, offset: int, url: str) -> Outcome:
    found = _OUTCOME.fullmatch(text)
    if found is None:
        raise _bad(
            f"{text!r} is no outcome",
            "there is forward NAME, STATUS, STATUS LOCATION, fault CODE and files, and `by RULE` after each.",
            "write one of them.",
            offset,
        )
    return Outcome(
        forward=found["forward"],
        status=None if found["status"] is None else int(found["status"]),
        location=None if found["location"] is None else _absolute(url, found["location"]),
        fault=None if found["fault"] is None else int(found["fault"]),
        files=found["files"] is not None,
        rule=found["rule"],
    )


def _absolute(url: str, location: str) -> str:
    """A Location as an absolute URL, to be compared; what is no URL is compared as it is written."""
    try:
        return urljoin(url, location)
    except ValueError:
        return location


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _bad(message: str, why: str, remedy: str, offset: int = 0) -> Refusal:
    return Refusal(Code.BAD_CASE, message, why, remedy, offset)
