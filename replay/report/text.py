"""The report for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from edgeproxy.migration.comparing.differences import to_json
from edgeproxy.migration.comparing.grouping import Group, Key
from replay.report.facts import LATENCIES, Comparison, Made, Read, Report, Side
from replay.report.words import milliseconds, moment, per_second, percent, share_name, size
from replay.schedule.choosing import MEANINGS, Refused
from replay.sending.histogram import Histogram

_MOST_LABELS = 12
_MOST_GROUPS = 20


def as_text(report: Report) -> Iterator[str]:
    yield from read_lines(report.read) if report.made is None else made_lines(report.made)
    yield f"schedule   {report.pace}"
    if report.warmth:
        yield f"cache      {report.warmth}"
    for side in report.sides:
        yield ""
        yield from _side(side, report.intended_hits)
    if report.comparison is not None:
        yield ""
        yield from _comparison(report.comparison)
    yield ""
    for doubt in report.doubts:
        yield f"note: {doubt}"
    if report.troubles:
        yield from (f"FAILED: {trouble}" for trouble in report.troubles)
    else:
        yield verdict(report)


def verdict(report: Report) -> str:
    """Of a run without troubles."""
    late = ", but not when it was to be" if report.late else ""
    differs = ", and nothing differs" if report.comparison is not None else ""
    return f"all that was to be sent was sent and answered{late}{differs}"


def made_lines(made: Made) -> Iterator[str]:
    yield from (f"drawn from {line}" for line in made.told)
    yield f"left out   {sum(made.left_out.values()):,}, for want of a name"
    for what, count in sorted(made.left_out.items(), key=lambda each: -each[1])[:_MOST_LABELS]:
        yield f"  {count:>9,}  {what}"


def read_lines(read: Read) -> Iterator[str]:
    """Of the recording alone."""
    span = ""
    if read.first is not None and read.last is not None:
        span = (
            f", {moment(read.first)} to {moment(read.last)}"
            if read.last > read.first
            else ", without times: all at once, or by --rate"
        )
    yield f"recorded   {read.seen:,} requests{span}" + (f"; {read.broken:,} broken" if read.broken else "")
    yield f"refused    {sum(read.refused.values()):,}" + (f", by {read.by}" if read.refused else "")
    for reason, count in sorted(read.refused.items(), key=lambda each: -each[1]):
        yield f"  {count:>9,}  {reason.value}: {MEANINGS[reason]}"
        for shape, number in _shapes(read.refused_shapes, reason):
            yield f"             {number:,} {shape}"
    lanes = f", over {read.lanes:,} recorded connections" if read.lanes else ""
    yield f"chosen     {read.chosen:,}{lanes}"


def _shapes(shapes: Mapping[tuple[Refused, str, str], int], reason: Refused) -> list[tuple[str, int]]:
    found = [(f"{method} {shape}", count) for (why, method, shape), count in shapes.items() if why is reason]
    return sorted(found, key=lambda each: (-each[1], each[0]))[:3]


def _side(side: Side, intended_hits: float | None) -> Iterator[str]:
    outcome = side.outcome
    seconds = outcome.seconds
    yield side.name
    yield f"  intended   {outcome.intended:,}{_in(outcome.intended, outcome.scheduled)}"
    yield f"  sent       {outcome.sent:,}{_in(outcome.sent, outcome.taken)}" + _reasons(
        {why.value: number for why, number in outcome.not_sent.items()}, "not sent"
    )
    yield (
        f"  answered   {outcome.answered:,} ({per_second(outcome.answered, seconds)}), {size(outcome.octets)}"
        + _reasons({why.value: number for why, number in outcome.failures.items()}, "failed")
    )
    statuses = " · ".join(f"{status} {count:,}" for status, count in sorted(outcome.statuses.items()))
    yield f"  statuses   {statuses or '–'}"
    again = f"; {outcome.resent:,} sent again, since a kept one was closed" if outcome.resent else ""
    yield f"  connected  {outcome.connections:,} times, {outcome.most_open:,} at once{again}"
    if outcome.kept or intended_hits is not None:
        told = sum(outcome.kept.values())
        aim = f" (aim {intended_hits:.1%})" if intended_hits is not None else ""
        yield f"  cache      {percent(outcome.kept['hit'], told)} hits of {told:,} answers that say so{aim}"
    if outcome.telling:
        yield (
            f"  writes     none, by {outcome.telling:,} answers that say so"
            if not outcome.writes
            else f"  writes     {outcome.writes}"
        )
    yield ""
    yield "  " + "".join(f"{each:>11}" for each in ("ms", *(share_name(share) for share in LATENCIES), "mean"))
    for name, histogram in (
        ("corrected", outcome.corrected),
        ("plain", outcome.plain),
        ("sent late", outcome.timing),
        ("waited", outcome.waited),
        ("connecting", outcome.connecting),
    ):
        if histogram.total or name in ("corrected", "plain", "sent late"):
            yield _latencies(name, histogram)
    if outcome.waited.total:
        yield f"  {outcome.waited.total:,} waited, since their connection was busy, or no more may be open"
    if len(outcome.labels) > 1:
        yield ""
        yield from _labels(side)


def _in(number: int, seconds: float) -> str:
    return f" in {seconds:,.1f} s ({per_second(number, seconds)})" if seconds >= 0.05 else " at once"


def _reasons(counts: Mapping[str, int], what: str) -> str:
    if not counts:
        return ""
    parts = ", ".join(f"{count:,} {why}" for why, count in sorted(counts.items(), key=lambda each: -each[1]))
    return f"; {sum(counts.values()):,} {what}: {parts}"


def _latencies(name: str, histogram: Histogram) -> str:
    values = [milliseconds(histogram.quantile(share)) for share in LATENCIES]
    mean = milliseconds(histogram.mean if histogram.total else None)
    return "  " + "".join(f"{each:>11}" for each in (name, *values, mean))


def _labels(side: Side) -> Iterator[str]:
    labels = sorted(side.outcome.labels.items(), key=lambda each: -each[1].sent)
    yield f"  {'requests':>9}  {'failed':>7}  {'p50':>8}  {'p99':>8}  shape (corrected, ms)"
    for name, label in labels[:_MOST_LABELS]:
        middle, high = (milliseconds(label.corrected.quantile(share)) for share in (0.5, 0.99))
        yield f"  {label.sent:>9,}  {label.failed:>7,}  {middle:>8}  {high:>8}  {name or '–'}"
    if len(labels) > _MOST_LABELS:
        yield f"             {len(labels) - _MOST_LABELS:,} more shapes are in the JSON report"


def _comparison(comparison: Comparison) -> Iterator[str]:
    groups = comparison.groups
    yield f"compared with {comparison.beside}: {groups.different:,} of {groups.compared:,} answers differ"
    for why, count in sorted(comparison.not_compared.items(), key=lambda each: -each[1]):
        yield f"  {count:>9,}  not compared: {why.value}"
    for kind, pattern, share in comparison.noise:
        yield f"      noise  {kind} {pattern}, in {share:.1%} of {comparison.pairs:,} pairs of the old side's answers"
    different = [(key, group) for key, group in groups if group.different]
    for key, group in different[:_MOST_GROUPS]:
        yield from _group(key, group)
    if len(different) > _MOST_GROUPS:
        yield f"  {len(different) - _MOST_GROUPS:,} more groups are in the JSON report"


def _group(key: Key, group: Group) -> Iterator[str]:
    name = f"{key.rule}: " if key.rule else ""
    yield f"  {group.different:>9,} of {group.compared:,}  {name}{key.shape}  {key.family}"
    for (kind, pattern), tally in sorted(group.tallies.items(), key=lambda each: -each[1].count):
        yield f"             {tally.count:,} {kind.value}: {pattern}"
        for example in tally.examples[:1]:
            values = next((to_json(each) for each in example.differences if each.pattern == pattern), {})
            shown = " → ".join(str(values[side]) for side in ("old", "new") if side in values)
            yield f"               {example.method} {example.target}" + (f": {shown}" if shown else "")
