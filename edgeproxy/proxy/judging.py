"""What may stand between a request and its plan: limits by rule, a loop, a count of hops that is at its end.

A plan does not depend on the client; this does. Most requests have nothing of the kind and never come here. Decisions
only: what a rate says, which needs a clock and a table, is a parameter, and whoever asks counts the refusal.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Final

from edgeproxy.http.framing import Length
from edgeproxy.http.request import RequestFields
from edgeproxy.proxy.plan import SERVER_OPTIONS, Answer, Plan, say
from edgeproxy.proxy.planner import Planned
from edgeproxy.proxy.rate import GRAIN
from edgeproxy.ruleset.limits import Limits
from edgeproxy.telemetry.counters import Refusal

_MAX_FORWARDS: Final = re.compile(rb"(?i)(?m)^(max-forwards:[ \t]*)[0-9]+(?=\r$)")
_LONGEST_COUNT: Final = 9  # digits; Python refuses to read numbers of thousands


@dataclass(frozen=True, slots=True)
class Verdict:
    """The plan that is carried out in the end, the fields that are passed on, and why it is not the rule's plan."""

    plan: Plan
    fields: RequestFields
    refusal: Refusal | None = None


def judge(planned: Planned, fields: RequestFields, limits: Limits, wait: float) -> Verdict:
    """`limits` are the edge's; `wait` is in seconds, until the rule's rate takes this client's request (0.0: now)."""
    if fields.has_looped:
        return Verdict(_looped(), fields, Refusal.LOOP)
    if fields.has_unknown_expectation:
        return Verdict(_unmet(), fields, Refusal.EXPECTATION)
    if wait:
        return Verdict(_too_many(wait), fields, Refusal.RATE)
    most = _most_exceeded(planned, fields, limits)
    if most is not None:
        return Verdict(_too_large(most), fields, Refusal.BODY_TOO_LARGE)
    return _count_hop(planned, fields)


def _most_exceeded(planned: Planned, fields: RequestFields, limits: Limits) -> int | None:
    """The limit that an announced length is above. A body that announces none is counted as it comes."""
    framing, most = fields.framing, planned.most(limits)
    return most if isinstance(framing, Length) and framing.octets > most else None


def _count_hop(planned: Planned, fields: RequestFields) -> Verdict:
    """RFC 9110 §7.6.2: of OPTIONS, hops are counted down, and who counts nothing more answers itself."""
    hops = fields.values.get("max-forwards")
    if planned.line.method != b"OPTIONS" or hops is None:
        return Verdict(planned.plan, fields)
    if not hops.isdecimal() or len(hops) > _LONGEST_COUNT:
        return Verdict(_uncounted(), fields, Refusal.BAD_REQUEST)
    left = int(hops) - 1
    if left < 0:
        return Verdict(SERVER_OPTIONS, fields)
    counted = b"\\g<1>%d" % left
    passed = replace(
        fields,
        lines=_MAX_FORWARDS.sub(counted, fields.lines),
        lines_without_credentials=_MAX_FORWARDS.sub(counted, fields.lines_without_credentials),
    )
    return Verdict(planned.plan, passed)


def _uncounted() -> Answer:
    return say(400, "The request is refused: Max-Forwards is not a number.")


def _looped() -> Answer:
    return say(508, "The request has been at this edge before: a backend sends it back here.")


def _unmet() -> Answer:
    return say(417, "The request is refused: this edge knows no expectation but 100-continue.")


def _too_many(wait: float) -> Answer:
    seconds = max(math.ceil(wait - GRAIN), 1)  # a microsecond is rounding, and not another second
    return say(429, "There are too many requests from your address.", ("Retry-After", str(seconds)))


def _too_large(most: int) -> Answer:
    return say(413, f"The request is refused: its body is longer than {most} octets.")
