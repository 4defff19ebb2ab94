"""Which recorded requests may be sent again.

Laws of this module:
- only what is `safe`: as its rule declared it when it was recorded, or, where rules are given, as they declare it now;
  what no rule takes is unknown, and what is unknown is refused;
- that a request whose method may write is safe is not believed of a file alone, which anybody may have written;
- what cannot be sent as it was is refused, not sent as something else: without its body, its secret, its credentials;
- each refusal has one reason, the first in the order of `Refused`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from edgeproxy.capture.record import Captured
from edgeproxy.capture.safety import SafetyClass, is_unsafe_behind, safety_of
from edgeproxy.http.target import BadTarget, Scheme, Target, parse_target
from edgeproxy.http.xmlrpc_call import CallReader, is_call, is_encoded
from edgeproxy.migration.comparing.scrubbing import HIDDEN
from edgeproxy.migration.comparing.shapes import shape_of
from edgeproxy.ruleset.checker.asked import Asked
from edgeproxy.ruleset.model import Forward, Routed, Ruleset
from edgeproxy.ruleset.safety import SAFE_METHODS
from edgeproxy.ruleset.template import PathTemplate
from replay.planned import Planned
from replay.schedule.rewriting import NotNamed, Rewriting
from replay.sending.wire import Unsendable, check


class Refused(StrEnum):
    """Why a recorded request is not sent again."""

    UNSAFE = "unsafe"  # its rule says so, or its method where the rule says nothing
    UNKNOWN = "unknown"  # no rule took it, or nobody says
    METHOD = "method"  # CONNECT, PURGE: whatever a rule says
    UNTRUSTED = "untrusted"  # its method may write, and that it does not nobody says but the file
    UPGRADE = "upgrade"  # a tunnel: what went through it was not recorded
    SECRET = "secret"  # its URL or body held one, which was taken out
    CREDENTIALS = "credentials"  # the answer may have been for them alone
    BODY = "body"  # it had one, which was not kept
    COUNT = "count"  # it says that it stands for more than anybody records as one
    HOST = "host"  # none of those that were named
    UNSENDABLE = "unsendable"  # it would be no request, or two, or its host no name that TLS can ask for


_MOST_OF_ONE: Final = 1_000_000  # a `count` is what people write, or a log has summed up
MEANINGS: Final = {
    Refused.UNSAFE: "it may have written",
    Refused.UNKNOWN: "nobody says that it is safe",
    Refused.METHOD: "its method is never replayed",
    Refused.UNTRUSTED: "its method may write, and only the file says that it is safe",
    Refused.UPGRADE: "it became a tunnel",
    Refused.SECRET: "it held a secret, which was taken out",
    Refused.CREDENTIALS: "it had credentials, which are not recorded",
    Refused.BODY: "its body was not recorded",
    Refused.COUNT: f"it stands for more than {_MOST_OF_ONE:,} requests at once",
    Refused.HOST: "its host is none of those to be asked",
    Refused.UNSENDABLE: "it is no request that can be sent",
}
_METHODS: Final = frozenset(("CONNECT", "PURGE"))
_CONDITIONS: Final = ("if-match", "if-none-match", "if-range")  # with another value they ask for another thing
_SWITCHING: Final = 101
_WITH_BODY: Final = frozenset(("POST", "PUT", "PATCH"))
_REMEMBERED: Final = 256  # PERF: many records share a URL, which may be long


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of a record: its class, and the rule and shape that reports name it by. `is_hearsay`: that it is
    safe is what the file says, against its method.
    """

    safety: SafetyClass
    rule: str
    shape: str
    is_hearsay: bool = False

    @property
    def label(self) -> str:
        return f"{self.rule}: {self.shape}" if self.rule else self.shape


Judge = Callable[[Captured], Judged]


def as_recorded(record: Captured) -> Judged:
    return _as_said(record, record.method not in SAFE_METHODS)


def trusting(record: Captured) -> Judged:
    """As it was recorded, also of methods that may write."""
    return _as_said(record, False)


def _as_said(record: Captured, is_hearsay: bool) -> Judged:
    shape = record.shape or _shape_of(record.target.partition("?")[0])
    return Judged(record.safety, record.rule or "", shape, is_hearsay)


class ByRules:
    """By what a ruleset declares, whatever was declared when it was recorded."""

    def __init__(self, ruleset: Ruleset) -> None:
        self._ruleset = ruleset

    def __call__(self, record: Captured) -> Judged:
        target = _target_of(record.target, record.authority, record.scheme)
        if target is None:
            return Judged(SafetyClass.UNKNOWN, "", _shape_of(record.target.partition("?")[0]))
        asked = Asked(
            record.method,
            target.scheme,
            target.host,
            target.path,
            target.query,
            tuple(record.headers.items()),
            record.client or "",
            record.xmlrpc or _call_of(record),
            record.time,
        )
        routing = asked.routed_by(self._ruleset)
        if not isinstance(routing, Routed):
            return Judged(SafetyClass.UNKNOWN, "", _shape_of(target.path))
        rule = routing.rule
        template = rule.match.path if isinstance(rule.match.path, PathTemplate) else None
        safety = safety_of(record.method, rule.name, rule.modifiers.safety)
        if not isinstance(rule.action, Forward):
            method, scheme, host, path = asked.method, asked.scheme, asked.host, asked.path
            if is_unsafe_behind(self._ruleset, method, scheme, host, path, asked.facts):
                safety = SafetyClass.UNSAFE
        return Judged(safety, rule.name, _shape_of(target.path, template))


@lru_cache(_REMEMBERED)
def _target_of(target: str, authority: str, scheme: str) -> Target | None:
    try:
        return parse_target(target, authority.rpartition("@")[2], Scheme(scheme))
    except BadTarget:
        return None


@lru_cache(_REMEMBERED)
def _shape_of(path: str, template: PathTemplate | None = None) -> str:
    return shape_of(path, template)


def choose(
    record: Captured,
    judge: Judge,
    rewriting: Rewriting,
    *,
    without_credentials: bool = False,
    keep_record: bool = False,
    by_tls: bool = False,
) -> Planned | Refused:
    """`at` of what is planned is the recorded time. `without_credentials`: send what had some, too, without them.
    `by_tls`: to a target that is asked for by the name of each request's host.
    """
    judged = judge(record)
    refused = _refused(record, judged, without_credentials)
    if refused is not None:
        return refused
    try:
        url, headers = rewriting.of(record)
        check(record.method, url, headers, by_tls=by_tls)
    except NotNamed:
        return Refused.HOST
    except Unsendable:
        return Refused.UNSENDABLE
    return Planned(
        at=record.time,
        lane=record.connection or "",
        method=record.method,
        url=url,
        headers=headers,
        body=(record.body or "").encode(),
        label=judged.label,
        recorded=record if keep_record else None,
    )


def _refused(record: Captured, judged: Judged, without_credentials: bool) -> Refused | None:
    if judged.safety is not SafetyClass.SAFE:
        return Refused.UNSAFE if judged.safety is SafetyClass.UNSAFE else Refused.UNKNOWN
    if record.method.upper() in _METHODS:  # some servers take any case
        return Refused.METHOD
    if judged.is_hearsay:
        return Refused.UNTRUSTED
    if record.status == _SWITCHING:
        return Refused.UPGRADE
    if any(HIDDEN in each for each in (record.url, record.body or "", *map(record.headers.get, _CONDITIONS)) if each):
        return Refused.SECRET
    if record.credentials and not without_credentials:
        return Refused.CREDENTIALS
    if _lacks_body(record):
        return Refused.BODY
    return Refused.COUNT if record.count > _MOST_OF_ONE else None


def _lacks_body(record: Captured) -> bool:
    if record.body is not None:
        return False
    return bool(record.sent) or (record.method.upper() in _WITH_BODY and record.sent is None)


def _call_of(record: Captured) -> str | None:
    """The method of an XML-RPC call, where those who recorded it did not ask."""
    if record.body is None or not is_call(record.method.encode(), record.headers) or is_encoded(record.headers):
        return None
    reader = CallReader()
    reader.feed(record.body.encode())
    reader.end()
    return None if reader.is_named_twice else reader.name or None
