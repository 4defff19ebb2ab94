"""Plain exchanges: their plan is the one that is remembered for their line, and their answer came whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeproxy.capture.connections import Connection
from edgeproxy.capture.rows import NO_KIND
from edgeproxy.proxy.planner import ByFacts, Planned, Repeat
from edgeproxy.proxy.recording import note_plan
from edgeproxy.telemetry.access_log import Record

if TYPE_CHECKING:
    from edgeproxy.http.request import RequestFields
    from edgeproxy.proxy.plan import Plan


class AtHand:
    """An exchange whose request is no repeat, or had an arm chosen. `plan`, `arm`: then, the plan that was carried out,
    and the arm.
    """

    __slots__ = ("arm", "fields", "plan", "planned")
    kind = NO_KIND

    def __init__(
        self, planned: Planned | ByFacts, fields: RequestFields, plan: Plan | None = None, arm: str | None = None
    ) -> None:
        self.planned = planned
        self.fields = fields
        self.plan = plan
        self.arm = arm


def chosen(at_hand: Repeat | AtHand) -> tuple[Plan | None, str | None]:
    """The plan and the arm that are not what the request's line says."""
    return (None, None) if isinstance(at_hand, Repeat) else (at_hand.plan, at_hand.arm)


def record_of(connection: Connection, at_hand: Repeat | AtHand, began: float) -> Record:
    """What an access log would have been told of it by now."""
    record, planned = Record(began, connection.address, connection.scheme), at_hand.planned
    plan, arm = chosen(at_hand)
    if isinstance(planned, Planned):
        note_plan(record, planned, planned.plan if plan is None else plan, arm, None)
    return record
