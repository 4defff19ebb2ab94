"""Sections of the page: figures and plots of what was sent and answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from math import ceil, log10

from replay.report.facts import LATENCIES, Report, Side
from replay.report.plots import Bar, Line, bar_plot, by_percentile, legend, line_plot, linear, logarithmic
from replay.report.words import milliseconds, per_second, percent, share_name, size
from replay.schedule.choosing import MEANINGS
from replay.sending.histogram import Histogram
from replay.sending.timeline import Moment, Timeline

_STYLES = ("one", "two")  # of sides
_MOST_SHAPES = 40


def section(name: str, title: str, about: str, *content: str) -> str:
    return "\n".join(
        (
            f'<section aria-labelledby="{name}">',
            f'<h2 id="{name}">{escape(title)}</h2>',
            f'<p class="about">{escape(about)}</p>',
            *content,
            "</section>",
        )
    )


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], texts: Sequence[int] = ()) -> str:
    """`texts`: columns that are to the left, beside the first."""
    of = dict.fromkeys(texts, ' class="text"')
    heads = "".join(f'<th scope="col"{of.get(number, "")}>{escape(each)}</th>' for number, each in enumerate(head))
    lines = []
    for row in rows:
        first, *others = row
        cells = "".join(f"<td{of.get(number, '')}>{escape(each)}</td>" for number, each in enumerate(others, 1))
        lines.append(f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>')
    return (
        f'<div class="wide"><table><caption>{escape(caption)}</caption><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def figures(report: Report) -> Iterator[str]:
    yield '<dl class="cards">'
    for side, whose in zip(report.sides, ("", "against: "), strict=False):
        outcome = side.outcome
        rate = per_second(outcome.answered, outcome.seconds)
        yield _card(f"{whose}answered", f"{outcome.answered:,}", f"of {outcome.intended:,} due, {rate}")
        corrected, plain = (each.quantile(0.99) for each in (outcome.corrected, outcome.plain))
        least = "≥ " if outcome.at_least else ""
        yield _card(f"{whose}p99 corrected", f"{least}{milliseconds(corrected)} ms", f"plain {milliseconds(plain)} ms")
    outcome = report.sides[0].outcome
    yield _card("sent late, p99", f"{milliseconds(outcome.timing.quantile(0.99))} ms", "the sender's own error")
    yield _card("refused", f"{sum(report.read.refused.values()):,}", f"of {report.read.seen:,} recorded")
    if outcome.kept:
        told = sum(outcome.kept.values())
        aim = f"aim {report.intended_hits:.1%}" if report.intended_hits is not None else "as the target says"
        yield _card("hits", percent(outcome.kept["hit"], told), aim)
    if report.comparison is not None:
        groups = report.comparison.groups
        yield _card("different", f"{groups.different:,}", f"of {groups.compared:,} compared")
    yield "</dl>"


def _card(name: str, value: str, more: str) -> str:
    return f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(more)}</small></dd></div>"


# -- over time --------------------------------------------------------------------------------------------------------


def throughput(report: Report) -> Iterator[str]:
    first = report.sides[0].outcome.timeline
    lines = [Line("due", "ink", _rates(first.moments, first.width, "intended"), is_area=True)]
    for side, style in zip(report.sides, _STYLES, strict=False):
        line = side.outcome.timeline
        whose = f", {side.name}" if len(report.sides) > 1 else ""
        lines.append(Line(f"answered{whose}", style, _rates(line.moments, line.width, "answered")))
        if any(each.failed for each in line.moments):
            lines.append(Line(f"failed or not sent{whose}", "bad dashed", _rates(line.moments, line.width, "failed")))
    most = max((up for line in lines for up in line.ups), default=0.0)
    plot = line_plot(
        "throughput-plot",
        "Requests a second over time",
        f"Due at most {most:,.0f} a second. {_told(report)}",
        lines,
        linear("seconds since the start", _seconds(report), at_most=8),
        linear("requests a second", most, at_most=5),
    )
    yield section(
        "throughput",
        "Throughput against intended",
        "What was due, and what was answered, in each moment.",
        plot,
        legend(lines),
    )


def over_time(report: Report) -> Iterator[str]:
    lines = []
    for side, style in zip(report.sides, _STYLES, strict=False):
        line = side.outcome.timeline
        name = f", {side.name}" if len(report.sides) > 1 else ""
        for kind, more in (("corrected", ""), ("plain", " dashed thin")):
            lines.append(Line(f"{kind}{name}", f"{style}{more}", _ended(line, kind)))
        if waiting := _unanswered(line):
            lines.append(Line(f"due so long, and nothing answered{name}", "bad thin", waiting))
    ups = [up for line in lines for up in line.ups]
    if not ups:
        return
    plot = line_plot(
        "moments-plot",
        "The longest latency in each moment",
        f"Between {min(ups):,.2f} and {max(ups):,.2f} milliseconds, corrected and plain.",
        lines,
        linear("seconds since the start", _seconds(report), at_most=8),
        logarithmic("milliseconds", max(min(ups), 0.05), max(ups)),
    )
    about = "The longest of what ended in each moment. Where requests were due and none was answered there is a gap."
    yield section("moments", "Latency over time", about, plot, legend(lines))


def _ended(line: Timeline, kind: str) -> list[tuple[float, float | None]]:
    """A moment in which nothing was due and nothing waited is passed over; one in which nothing ended is a gap."""
    return [
        ((number + 0.5) * line.width, getattr(each, kind) * 1_000 if each.answered else None)
        for number, each in enumerate(line.moments)
        if each.answered or each.intended or each.oldest > line.width
    ]


def _unanswered(line: Timeline) -> list[tuple[float, float | None]]:
    """How long the oldest had been due, in moments without an answer."""
    points = [
        ((number + 0.5) * line.width, each.oldest * 1_000 if each.oldest > line.width and not each.answered else None)
        for number, each in enumerate(line.moments)
    ]
    return points if any(up is not None for _, up in points) else []


def _rates(moments: Sequence[Moment], width: float, what: str) -> list[tuple[float, float]]:
    """Over a second: less would show grains. Of a short run over less, of a long one over as much as a moment is."""
    wide = max(1, min(round(1 / width), len(moments) // 8))
    points = []
    whole = len(moments) - len(moments) % wide if len(moments) > wide else len(moments)  # what was not over is no rate
    for at in range(0, whole, wide):
        part = moments[at : at + wide]
        points.append(((at + len(part) / 2) * width, sum(getattr(each, what) for each in part) / (len(part) * width)))
    if len(points) == 1:  # of a run of a moment: as wide as that was, since one point is no line
        return [(0.0, points[0][1]), (whole * width, points[0][1])]
    return points


def _seconds(report: Report) -> float:
    return max(len(side.outcome.timeline.moments) * side.outcome.timeline.width for side in report.sides)


def _told(report: Report) -> str:
    runs = [(side.name, side.outcome) for side in report.sides]
    return " ".join(
        f"{name} answered {outcome.answered:,} of {outcome.intended:,} in {outcome.seconds:,.1f} seconds."
        for name, outcome in runs
    )


# -- latency ----------------------------------------------------------------------------------------------------------


def latencies(report: Report) -> Iterator[str]:
    lines, rows = [], []
    for side, style in zip(report.sides, _STYLES, strict=False):
        name = f", {side.name}" if len(report.sides) > 1 else ""
        for kind, histogram, more in (
            ("corrected", side.outcome.corrected, ""),
            ("plain", side.outcome.plain, " dashed"),
        ):
            lines.append(Line(f"{kind}{name}", f"{style}{more}", _curve(histogram)))
            rows.append(_row(f"{kind}{name}", histogram))
        rows.append(_row(f"sent late{name}", side.outcome.timing))
        if side.outcome.waited.total:
            rows.append(_row(f"waited for its connection{name}", side.outcome.waited))
    ups = [up for line in lines for up in line.ups]
    if not ups:
        return
    most = max(side.outcome.corrected.total for side in report.sides)
    plot = line_plot(
        "latency-plot",
        "Latency by percentile",
        "; ".join(f"{row[0]}: p99 {row[4]} ms, longest {row[6]} ms" for row in rows[:4]),
        lines,
        by_percentile("share of answers that took no longer", max(2, min(6, ceil(log10(max(most, 1)))))),
        logarithmic("milliseconds", max(min(ups), 0.05), max(ups)),
    )
    head = ("milliseconds", "count", *(share_name(share) for share in LATENCIES), "mean")
    yield section(
        "latency",
        "Latency",
        "Corrected: from when a request was due to the end of its answer. Plain: from its sending.",
        plot,
        legend(lines),
        table("Latency and lateness", head, rows),
        *_shapes(report),
    )


def _curve(histogram: Histogram) -> list[tuple[float, float]]:
    return [(0.0 if not number else share, at * 1_000) for number, (at, share, _) in enumerate(histogram.percentiles())]


def _row(name: str, histogram: Histogram) -> list[str]:
    values = [milliseconds(histogram.quantile(share)) for share in LATENCIES]
    return [name, f"{histogram.total:,}", *values, milliseconds(histogram.mean if histogram.total else None)]


def _shapes(report: Report) -> Iterator[str]:
    for side in report.sides:
        labels = sorted(side.outcome.labels.items(), key=lambda each: -each[1].sent)[:_MOST_SHAPES]
        rows = [
            [
                name or "–",
                f"{label.sent:,}",
                f"{label.failed:,}",
                *(milliseconds(label.corrected.quantile(share)) for share in (0.5, 0.99, 1.0)),
            ]
            for name, label in labels
        ]
        yield f"<details><summary>By shape of URLs, {escape(side.name)}</summary>"
        yield table("Corrected latency in milliseconds", ("shape", "sent", "failed", "p50", "p99", "max"), rows)
        yield "</details>"


# -- what came --------------------------------------------------------------------------------------------------------


def statuses(report: Report) -> Iterator[str]:
    parts = []
    for number, side in enumerate(report.sides):
        outcome = side.outcome
        bars = [
            Bar(str(status), count, f"{count:,} ({percent(count, outcome.intended)})", _style_of(status))
            for status, count in sorted(outcome.statuses.items())
        ]
        bars += [_trouble(f"failed: {why.value}", count, outcome.intended) for why, count in outcome.failures.items()]
        bars += [_trouble(f"not sent: {why.value}", count, outcome.intended) for why, count in outcome.not_sent.items()]
        words = "; ".join(f"{bar.name}: {bar.value:,}" for bar in bars) or "nothing was sent"
        if len(report.sides) > 1:
            parts.append(f"<h3>{escape(side.name)}</h3>")
        parts.append(bar_plot(f"statuses-{number}", f"What {side.name} answered", words, bars))
        parts.append(f'<p class="soft">{_connected(side)}</p>')
    yield section("statuses", "Answers", "By status, and what has none.", *parts)


def _connected(side: Side) -> str:
    outcome = side.outcome
    opened = f"{outcome.connections:,} connection{'' if outcome.connections == 1 else 's'}"
    again = f" {outcome.resent:,} were sent again, since a kept connection was closed." if outcome.resent else ""
    return f"{opened}, {outcome.most_open:,} at once; {size(outcome.octets)} of content.{again}"


def _trouble(name: str, count: int, of: int) -> Bar:
    return Bar(name, count, f"{count:,} ({percent(count, of)})", "bad")


def _style_of(status: int) -> str:
    return ("three", "good", "one", "warn", "bad")[min(max(status // 100, 1), 5) - 1]


def refusals(report: Report) -> Iterator[str]:
    read = report.read
    refused = sorted(read.refused.items(), key=lambda each: -each[1])
    if not refused:
        yield section("refused", "Refused", "Nothing: all that was recorded was safe, and could be sent.")
        return
    bars = [Bar(MEANINGS[why], count, f"{count:,} ({percent(count, read.seen)})", "warn") for why, count in refused]
    rows = [
        [f"{method} {shape}", why.value, f"{count:,}"]
        for (why, method, shape), count in sorted(read.refused_shapes.items(), key=lambda each: -each[1])[:_MOST_SHAPES]
    ]
    yield section(
        "refused",
        "Refused",
        f"Recorded, and not sent again. What is safe: {read.by}.",
        bar_plot(
            "refused-plot",
            "Why recorded requests were refused",
            "; ".join(f"{b.name}: {b.value:,}" for b in bars),
            bars,
        ),
        "<details><summary>By shape of URLs</summary>",
        table("Refused requests", ("request", "why", "count"), rows, texts=(1,)),
        "</details>",
    )
