"""What the access log is told of a request, from what the client's connection knows of it.

Law: nothing here runs unless there is an access log.
"""

from __future__ import annotations

import time

from edgeproxy.http.request import RequestFields, RequestLine
from edgeproxy.proxy.fallback import Fall
from edgeproxy.proxy.peer import Peer
from edgeproxy.proxy.plan import Answer, Pass, Plan
from edgeproxy.proxy.planner import Planned
from edgeproxy.telemetry.access_log import Record
from edgeproxy.telemetry.counters import Override, refusal_of


def record_request(peer: Peer, line: RequestLine, fields: RequestFields) -> Record:
    """The record of a request that was understood."""
    record = record_refused(peer, fields)
    record.method = line.method.decode("ascii")
    record.path = path_of(line.target)
    return record


def record_refused(peer: Peer, fields: RequestFields | None = None) -> Record:
    """The record of a request that is refused before it is understood. `fields` are None when they were not read."""
    if fields is None and peer.is_trusted:
        peer.hear({})  # what it said of the request before does not count for this one
    record = Record(time.time(), peer.address, peer.scheme)
    if fields is not None:
        record.host = fields.host
        record.user_agent = fields.values.get("user-agent")
    return record


def note_plan(record: Record, planned: Planned, plan: Plan, arm: str | None, override: Override | None) -> None:
    """`plan` is carried out, which may be another than the rule's: a limit, say, stood before it."""
    record.rule = planned.plan.rule
    record.arm = arm
    record.override = override
    if isinstance(plan, Pass):
        record.backend = plan.backend.name
    elif isinstance(plan, Answer) and plan is not planned.plan and plan.status >= 400:
        record.why = refusal_of(plan.status)


def note_fall(record: Record, fall: Fall) -> None:
    """Another backend answers."""
    record.backend = fall.backend if isinstance(fall.plan, Pass) else None
    record.fallback = fall.reason


def path_of(target: str) -> str:
    """As the client wrote it, without the query; of an absolute-form (RFC 9112 §3.2.2) the path."""
    path = target.partition("?")[0]
    if path.startswith("/") or path == "*":
        return path
    return "/" + path.partition("://")[2].partition("/")[2]
