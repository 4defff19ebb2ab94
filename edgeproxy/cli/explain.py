"""`edgeproxy explain URL --rules FILE`: what the edge would do with a request, and why.

What is printed comes from the functions that the edge itself decides with; nothing is asked and nothing is sent.
"""

from __future__ import annotations

import re
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, assert_never

from edgeproxy.cli.check import exit_status
from edgeproxy.cli.output import say
from edgeproxy.control.garbage import uncollected
from edgeproxy.http.target import BadTarget, Scheme, Target, parse_target
from edgeproxy.migration.place import arm_at, place_of, ranges_of, sticky_key
from edgeproxy.proxy.plan import Answer, ByArm, Pass, Plan, ServeFile, plan_request
from edgeproxy.ruleset.arms import WHOLE
from edgeproxy.ruleset.load import RuleFileError, load_ruleset
from edgeproxy.ruleset.matching import Facts
from edgeproxy.ruleset.model import NoRule, Routed, Rule, Ruleset, UnknownHost, WrongMethod, describe_action
from edgeproxy.ruleset.origins import Host
from edgeproxy.ruleset.problems import Refusal
from edgeproxy.ruleset.quantities import written_duration, written_size
from edgeproxy.ruleset.read_during import read_moment
from edgeproxy.ruleset.trace import why_not

NAME = "explain"
HELP = "show which rule takes a URL, why not those above it, and what is done"

_URL: Final = re.compile(r"(https?)://([^/?#]+)([^#]*)(?:#.*)?", re.IGNORECASE)
_FIELD: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)")


@dataclass(frozen=True, slots=True)
class Request:
    """What is known of the request. `headers` are by name in lower case."""

    method: str
    target: Target
    headers: Mapping[str, str]
    client: str
    call: str | None  # the XML-RPC method, if it is a call
    at: float  # seconds since the epoch

    @property
    def facts(self) -> Facts:
        return Facts(self.target.query, self.headers, self.client, self.call, self.at)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("url", type=_url, metavar="URL", help="as a client asks for it")
    parser.add_argument("--rules", type=Path, required=True, metavar="FILE", help="the rule file")
    parser.add_argument("--method", help="the request's method (GET; with --xmlrpc POST)")
    parser.add_argument("--client", default="127.0.0.1", metavar="ADDR", help="the client's address (127.0.0.1)")
    parser.add_argument(
        "-H",
        dest="headers",
        type=_header,
        action="append",
        default=[],
        metavar="'Name: value'",
        help="a header of the request; may be given several times",
    )
    parser.add_argument("--at", type=_moment, metavar="TIME", help="when, as in 2024-09-05T12:00Z (now)")
    parser.add_argument(
        "--xmlrpc", metavar="METHOD", help="it is an XML-RPC call of this method; '' when that cannot be read"
    )


def execute(args: Namespace) -> int:
    try:
        with uncollected():
            ruleset = load_ruleset(args.rules)
    except RuleFileError as error:
        say(str(error))
        return exit_status(error.problems)
    scheme, authority, target = args.url
    try:
        read = parse_target(target, authority, scheme)
    except BadTarget as error:
        say(f"400 Bad Request: {error}")
        return 0
    method = args.method or ("GET" if args.xmlrpc is None else "POST")
    at = time.time() if args.at is None else args.at
    request = Request(method, read, _joined(args.headers), args.client, args.xmlrpc, at)
    say("\n".join(explain(ruleset, request)))
    return 0


def explain(ruleset: Ruleset, request: Request) -> Iterator[str]:
    """The lines of the decision trace."""
    target = request.target
    routing = ruleset.route(request.method, target.scheme, target.host, target.path, request.facts)
    query = "" if target.query is None else f" with the query {target.query}"
    yield f"request: {request.method} by {target.scheme}, host {target.host}, path {target.path}{query}"
    match routing:
        case UnknownHost():
            known = ", ".join(name for host in ruleset.hosts for name in host.names)
            yield f"answer: 421 Misdirected Request: no host has the name {target.host}; there is {known}"
        case NoRule(host=host):
            yield f"host: {host.name} ({host.kind})"
            yield from _refusals(ruleset.rules, request, host)
            yield "answer: 404 Not Found: no rule matches the path"
        case WrongMethod(host=host, allow=allow):
            yield f"host: {host.name} ({host.kind})"
            yield from _refusals(ruleset.rules, request, host)
            yield f"answer: 405 Method Not Allowed: the path takes {', '.join(allow)}"
        case Routed(rule=rule, host=host, captures=captures):
            yield f"host: {host.name} ({host.kind})"
            yield from _refusals(ruleset.rules[: rule.index], request, host)
            yield f"rule: {_where(rule)}: {describe_action(rule.action)}"
            for name in rule.match.path.captures:
                yield f"  {name} = {captures[name]}"
            yield from _terms(rule)
            yield from _deeds(plan_request(ruleset, request.method, target, request.facts)[1], request)
        case _:
            assert_never(routing)


def _refusals(rules: Sequence[Rule], request: Request, host: Host) -> Iterator[str]:
    for rule in rules:
        yield f"not: {_where(rule)}: {why_not(rule, host, request.method, request.target, request.facts)}"


def _terms(rule: Rule) -> Iterator[str]:
    """What the rule says of the request beside its action."""
    limits = rule.modifiers.limits
    said = [] if limits.body is None else [f"body {written_size(limits.body)}"]
    if limits.time is not None:
        said.append(f"time {written_duration(limits.time)}")
    if limits.rate is not None:
        said.append(f"rate {limits.rate.text}, burst {limits.rate.burst}")
    if said:
        yield f"  limits: {', '.join(said)}"
    if rule.modifiers.upgrade:
        yield f"  upgrade: {', '.join(sorted(rule.modifiers.upgrade))}"


def _where(rule: Rule) -> str:
    return f"{rule.place.file}:{rule.place.line}: {rule.name}"


def _deeds(plan: Plan, request: Request) -> Iterator[str]:
    match plan:
        case Pass(backend=backend, target=asked, host=host):
            places = " or ".join(str(endpoint.address) for endpoint in backend.endpoints)
            yield f"ask: {backend.name} at {places} for {asked}"
            yield f"  Host: {host}"
        case ServeFile(directory=directory, path=path):
            yield f"file: {directory}{path}"
        case ByArm(split=split, arms=arms):
            key = sticky_key(split.sticky, request.headers, request.client)
            at = place_of(key, split.name)
            arm = arm_at(split, at)
            shares = ", ".join(f"{each.backend.name} {_percent(each.share)}" for each in split.arms)
            yield f"split: {split.name}: {shares}"
            for each, (low, high) in zip(split.arms, ranges_of(split), strict=True):
                where = f"places from {_percent(low)} to below {_percent(high)}" if each.share else "no place"
                yield f"  {each.backend.name}: {where}"
            yield f"  known by: {key.partition(':')[0]}"
            yield f"  place: {_percent(at)}, so on the arm {arm.backend.name}"
            yield from _deeds(arms[arm.backend.name], request)
        case Answer(head=head, body=body):
            status_line, *fields = head.decode("latin-1").removesuffix("\r\n").split("\r\n")
            yield f"answer: {status_line.partition(' ')[2]}"
            yield from (f"  {field}" for field in fields)
            if body:
                yield f"  body: {body.decode()!r}"
        case _:
            assert_never(plan)


def _percent(thousandths: int) -> str:
    return f"{thousandths * 100 / WHOLE:g} %"


def _url(text: str) -> tuple[Scheme, str, str]:
    """The scheme, the authority, and the target in origin-form."""
    found = _URL.fullmatch(text)
    if found is None:
        raise ArgumentTypeError(f"{text!r} is not a URL such as https://pypi.test/simple/")
    target = found[3]
    return Scheme(found[1].lower()), found[2], target if target.startswith("/") else f"/{target}"


def _moment(text: str) -> float:
    try:
        return read_moment(text)
    except Refusal as refusal:
        raise ArgumentTypeError(f"{refusal.message}: {refusal.remedy}") from None


def _header(text: str) -> tuple[str, str]:
    found = _FIELD.fullmatch(text)
    if found is None:
        raise ArgumentTypeError(f"{text!r} is not a header such as 'User-Agent: pip/26.3'")
    return found[1].lower(), found[2].rstrip()


def _joined(headers: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    """Several fields of one name are one list (RFC 9110 §5.3)."""
    joined: dict[str, str] = {}
    for name, value in headers:
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined
