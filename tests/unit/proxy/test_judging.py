"""What stands between a request and its plan is decided from values alone, and in one order."""

from __future__ import annotations

import pytest

from edgeproxy.http.request import RequestFields, RequestLine, read_request_fields
from edgeproxy.proxy.judging import judge
from edgeproxy.proxy.plan import Answer, say
from edgeproxy.proxy.planner import Planned
from edgeproxy.ruleset.limits import Limits
from edgeproxy.ruleset.modifiers import RuleLimits
from edgeproxy.telemetry.counters import Refusal

PLAN = say(200, "the rule's own")


def fields(*lines: str) -> RequestFields:
    head = "".join(["POST / HTTP/1.1\r\nHost: pypi.test\r\n", *(f"{line}\r\n" for line in lines), "\r\n"])
    return read_request_fields(head.encode(), 1, 100)


def planned(method: bytes = b"POST", body: int | None = None) -> Planned:
    return Planned(RequestLine(method, "/", 1), PLAN, RuleLimits(body=body))


@pytest.mark.parametrize(
    ("lines", "wait", "status", "refusal"),
    [
        ((), 0.0, 200, None),
        (("CDN-Loop: edgeproxy", "Expect: a-miracle"), 5.0, 508, Refusal.LOOP),
        (("Expect: a-miracle",), 5.0, 417, Refusal.EXPECTATION),
        (("Content-Length: 11",), 5.0, 429, Refusal.RATE),
        (("Content-Length: 11",), 0.0, 413, Refusal.BODY_TOO_LARGE),
        (("Content-Length: 10",), 0.0, 200, None),
        (("Transfer-Encoding: chunked",), 0.0, 200, None),  # it is counted as it comes
    ],
)
def test_what_is_refused_and_why(lines: tuple[str, ...], wait: float, status: int, refusal: Refusal | None) -> None:
    verdict = judge(planned(body=10), fields(*lines), Limits(), wait)
    assert isinstance(verdict.plan, Answer)
    assert (verdict.plan.status, verdict.refusal) == (status, refusal)


@pytest.mark.parametrize(("wait", "seconds"), [(0.2, 1), (1.0, 1), (1.0000001, 1), (1.5, 2), (1800.0, 1800)])
def test_a_client_is_told_whole_seconds_to_wait(wait: float, seconds: int) -> None:
    verdict = judge(planned(), fields(), Limits(), wait)
    assert isinstance(verdict.plan, Answer)
    assert b"Retry-After: %d" % seconds in verdict.plan.head.split(b"\r\n")


def test_hops_are_counted_down_for_options_only_and_never_below_nothing() -> None:
    assert b"Max-Forwards: 4\r\n" in judge(planned(b"OPTIONS"), fields("Max-Forwards: 5"), Limits(), 0.0).fields.lines
    assert b"Max-Forwards: 5\r\n" in judge(planned(b"GET"), fields("Max-Forwards: 5"), Limits(), 0.0).fields.lines
    last = judge(planned(b"OPTIONS"), fields("Max-Forwards: 0"), Limits(), 0.0)
    assert isinstance(last.plan, Answer)
    assert (last.plan.status, last.refusal) == (204, None)
    assert judge(planned(b"OPTIONS"), fields("Max-Forwards: x"), Limits(), 0.0).refusal is Refusal.BAD_REQUEST
