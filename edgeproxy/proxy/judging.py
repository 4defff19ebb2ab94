"""What may stand between a request and its plan: limits by rule, a loop, a count of hops that is at its end.

A plan does not depend on the client; this does. Most requests have nothing of the kind and never come here.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from edgeproxy.http.framing import Length
from edgeproxy.http.request import RequestFields
from edgeproxy.proxy.plan import SERVER_OPTIONS, Answer, Plan, Planned, say
from edgeproxy.proxy.rate import GRAIN, rate_key
from edgeproxy.ruleset.limits import Limits
from edgeproxy.telemetry.counters import Refusal

if TYPE_CHECKING:
    from edgeproxy.proxy.edge import Edge

_MAX_FORWARDS: Final = re.compile(rb"(?i)(?m)^(max-forwards:[ \t]*)[0-9]+(?=\r$)")
_LONGEST_COUNT: Final = 9  # digits; Python refuses to read numbers of thousands
_key_of: Final = lru_cache(maxsize=4_096)(rate_key)


def judge(edge: Edge, planned: Planned, fields: RequestFields, address: str) -> tuple[Plan, RequestFields]:
    """The plan that is carried out in the end, and the fields that are passed on."""
    rate = planned.limits.rate if planned.limits is not None else None
    if fields.has_looped:
        return _refused(edge, Refusal.LOOP, _looped()), fields
    if fields.has_unknown_expectation:
        return _refused(edge, Refusal.EXPECTATION, _unmet()), fields
    if rate is not None and planned.plan.rule is not None:
        assert edge.rates is not None, "a ruleset with a rate has a table"
        wait = edge.rates.ask(planned.plan.rule, _key_of(address), rate, edge.clock.now())
        if wait:
            return _refused(edge, Refusal.RATE, _too_many(wait)), fields
    most = _most_exceeded(planned, fields, edge.limits)
    if most is not None:
        return _refused(edge, Refusal.BODY_TOO_LARGE, _too_large(most)), fields
    return _count_hop(planned, fields)


def _most_exceeded(planned: Planned, fields: RequestFields, limits: Limits) -> int | None:
    """The limit that an announced length is above. A body that announces none is counted as it comes."""
    framing, most = fields.framing, planned.most(limits)
    return most if isinstance(framing, Length) and framing.octets > most else None


def _count_hop(planned: Planned, fields: RequestFields) -> tuple[Plan, RequestFields]:
    """RFC 9110 §7.6.2: of OPTIONS, hops are counted down, and who counts nothing more answers itself."""
    hops = fields.values.get("max-forwards")
    if planned.line.method != b"OPTIONS" or hops is None:
        return planned.plan, fields
    if not hops.isdecimal() or len(hops) > _LONGEST_COUNT:
        return say(400, "The request is refused: Max-Forwards is not a number."), fields
    left = int(hops) - 1
    if left < 0:
        return SERVER_OPTIONS, fields
    counted = b"\\g<1>%d" % left
    return planned.plan, replace(
        fields,
        lines=_MAX_FORWARDS.sub(counted, fields.lines),
        lines_without_credentials=_MAX_FORWARDS.sub(counted, fields.lines_without_credentials),
    )


def _refused(edge: Edge, reason: Refusal, answer: Answer) -> Answer:
    edge.counters.refusals[reason] += 1
    return answer


def _looped() -> Answer:
    return say(508, "The request has been at this edge before: a backend sends it back here.")


def _unmet() -> Answer:
    return say(417, "The request is refused: this edge knows no expectation but 100-continue.")


def _too_many(wait: float) -> Answer:
    seconds = max(math.ceil(wait - GRAIN), 1)  # a microsecond is rounding, and not another second
    return say(429, "There are too many requests from your address.", ("Retry-After", str(seconds)))


def _too_large(most: int) -> Answer:
    return say(413, f"The request is refused: its body is longer than {most} octets.")
