"""The report for programs. All times are in seconds."""

from __future__ import annotations

from typing import Any, Final

from replay.report.facts import LATENCIES, Comparison, Read, Report, Side
from replay.report.words import share_name
from replay.sending.histogram import Histogram

VERSION: Final = 1


def as_json(report: Report) -> dict[str, Any]:
    return {
        "version": VERSION,
        "ok": not report.troubles,
        "troubles": list(report.troubles),
        "notes": list(report.doubts),
        "written": report.writes,
        "whole": report.is_whole,
        "recorded": _read(report.read),
        "made": None if report.made is None else {"of": list(report.made.told), "left_out": dict(report.made.left_out)},
        "schedule": report.pace,
        "cache": _cache(report),
        "targets": [_side(side) for side in report.sides],
        "compared": None if report.comparison is None else _comparison(report.comparison),
    }


def _cache(report: Report) -> dict[str, Any]:
    warm = report.warm
    told: dict[str, Any] = {"how": report.warmth, "intended_hits": report.intended_hits}
    if warm is not None:
        told |= {"asked_before": warm.hits, "asked_first": warm.misses, "unfilled": warm.unfilled}
        told["left_out"] = warm.left_out
    return told


def _read(read: Read) -> dict[str, Any]:
    shapes = sorted(read.refused_shapes.items(), key=lambda each: -each[1])
    return {
        "files": list(read.files),
        "requests": read.seen,
        "broken": read.broken,
        "chosen": read.chosen,
        "connections": read.lanes,
        "first": read.first,
        "last": read.last,
        "safe_by": read.by,
        "refused": {reason.value: count for reason, count in read.refused.items()},
        "refused_shapes": [
            {"why": why.value, "method": method, "shape": shape, "count": count}
            for (why, method, shape), count in shapes
        ],
    }


def _side(side: Side) -> dict[str, Any]:
    outcome = side.outcome
    line = outcome.timeline
    return {
        "target": side.name,
        "began": outcome.began,
        "seconds": round(outcome.seconds, 6),
        "scheduled": round(outcome.scheduled, 6),
        "taken": round(outcome.taken, 6),
        "intended": outcome.intended,
        "sent": outcome.sent,
        "answered": outcome.answered,
        "octets": outcome.octets,
        "statuses": {str(status): count for status, count in sorted(outcome.statuses.items())},
        "failed": {why.value: count for why, count in outcome.failures.items()},
        "not_sent": {why.value: count for why, count in outcome.not_sent.items()},
        "connections": outcome.connections,
        "most_open": outcome.most_open,
        "resent": outcome.resent,
        "cache": dict(outcome.kept),
        "telling_writes": outcome.telling,
        "busy": round(outcome.busy, 3),
        "corrected": histogram_json(outcome.corrected),
        "plain": histogram_json(outcome.plain),
        "timing": histogram_json(outcome.timing),
        "waited": histogram_json(outcome.waited),
        "connecting": histogram_json(outcome.connecting),
        "shapes": [
            {
                "shape": name,
                "sent": label.sent,
                "failed": label.failed,
                "statuses": {str(status): count for status, count in sorted(label.statuses.items())},
                "corrected": histogram_json(label.corrected, is_short=True),
            }
            for name, label in sorted(outcome.labels.items(), key=lambda each: -each[1].sent)
        ],
        "timeline": {
            "width": line.width,
            "intended": [each.intended for each in line.moments],
            "sent": [each.sent for each in line.moments],
            "answered": [each.answered for each in line.moments],
            "failed": [each.failed for each in line.moments],
            "corrected": [round(each.corrected, 6) for each in line.moments],
            "plain": [round(each.plain, 6) for each in line.moments],
            "oldest": [round(each.oldest, 6) for each in line.moments],
        },
    }


def histogram_json(histogram: Histogram, *, is_short: bool = False) -> dict[str, Any]:
    """`buckets`: each a number and a count, of HdrHistogram's with 1,024 to a power of two of microseconds."""
    quantiles = {share_name(share): histogram.quantile(share) for share in LATENCIES}
    short = {"count": histogram.total, "mean": round(histogram.mean, 9), **quantiles}
    return short if is_short else {**short, "buckets": sorted(histogram.counts.items())}


def _comparison(comparison: Comparison) -> dict[str, Any]:
    groups = comparison.groups
    return {
        "with": comparison.beside,
        "compared": groups.compared,
        "different": groups.different,
        "not_compared": {why.value: count for why, count in comparison.not_compared.items()},
        "pairs": comparison.pairs,
        "noise": [{"kind": kind, "pattern": pattern, "share": share} for kind, pattern, share in comparison.noise],
        **groups.to_json(),
    }
