"""Answers compared with what was recorded of the answers then: status, size and digest of the content."""

from __future__ import annotations

import time

from edgeproxy.capture.record import Captured
from edgeproxy.migration.comparing.answers import Answer
from edgeproxy.migration.comparing.differences import At, Changed, Difference, NoAnswer, Side, StatusChanged
from edgeproxy.migration.comparing.examples import Example
from edgeproxy.migration.comparing.families import family_of
from edgeproxy.migration.comparing.grouping import Key
from replay.comparing.judging import SILENCES
from replay.planned import Planned
from replay.report.facts import Comparison, NotCompared
from replay.sending.asking import Answered
from replay.sending.outcome import NotSent

_SIZE = At("content:size", "content:size")
_DIGEST = At("content:sha256", "content:sha256")


class AgainstRecording:
    """A listener."""

    def __init__(self) -> None:
        self.comparison = Comparison("the recording")

    def on_answered(self, answered: Answered) -> None:
        record = answered.planned.recorded
        if record is None or not record.status or record.whole is False:
            self.comparison.not_compared[NotCompared.NOT_RECORDED] += 1
        elif record.credentials:
            self.comparison.not_compared[NotCompared.CHANGED] += 1
        else:
            self._add(answered, record)

    def on_not_sent(self, planned: Planned, why: NotSent) -> None:  # whatever kept it
        self.comparison.not_compared[NotCompared.NOT_SENT] += 1

    def _add(self, answered: Answered, record: Captured) -> None:
        planned = answered.planned
        rule, _, shape = planned.label.rpartition(": ")
        differences = differences_of(answered, record)
        now = time.time()

        def make_example() -> Example:
            headers = {name.lower(): [value] for name, value in planned.headers}
            old = Answer(record.status or 0, digest=record.digest or "", size=record.octets)
            new = Answer(answered.status, digest=answered.digest, size=answered.octets)
            return Example.of(now, (planned.method, record.target, headers), (old, new), differences)

        key = Key(rule, shape, family_of(record.headers.get("user-agent", "")))
        self.comparison.groups.add(key, differences, make_example, now)


def differences_of(answered: Answered, record: Captured) -> tuple[Difference, ...]:
    """What the recording does not have is not compared: nothing but the status of a file that left by sendfile."""
    if answered.failure is not None:
        return (NoAnswer(Side.NEW, SILENCES[answered.failure]),)
    if answered.status != record.status:
        return (StatusChanged(record.status or 0, answered.status),)
    if record.octets is None or answered.planned.method == "HEAD":
        return ()
    if record.octets != answered.octets:
        return (Changed(*_SIZE, str(record.octets), str(answered.octets)),)
    if record.digest and answered.digest and record.digest != answered.digest:
        return (Changed(*_DIGEST, record.digest, answered.digest),)
    return ()
