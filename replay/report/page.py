"""The report as one page of HTML that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from html import escape
from importlib.resources import files

from replay.report.facts import Report
from replay.report.page_differences import differences
from replay.report.page_figures import figures, latencies, over_time, refusals, statuses, throughput
from replay.report.text import verdict
from replay.report.words import moment, share_name

TITLE = "Replay"


def as_page(report: Report) -> str:
    names = ", ".join(side.name for side in report.sides)
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>{TITLE}: {escape(names)}</title>",
            f"<style>{_style()}</style>",
            "</head>",
            "<body>",
            *_top(report),
            "<main>",
            *_verdict(report),
            *figures(report),
            *throughput(report),
            *latencies(report),
            *over_time(report),
            *statuses(report),
            *differences(report),
            *(refusals(report) if report.made is None else ()),
            "</main>",
            *_foot(report),
            "</body>",
            "</html>",
            "",
        )
    )


@cache
def _style() -> str:
    return files("replay.report").joinpath("style.css").read_text()


def _top(report: Report) -> Iterator[str]:
    read = report.read
    names = " against ".join(f"<code>{escape(side.name)}</code>" for side in report.sides)
    yield '<header class="top">'
    yield f"<h1>{TITLE} to {names}</h1>"
    span = ""
    if read.first is not None and read.last is not None and read.last > read.first:
        span = f", recorded {moment(read.first)} to {moment(read.last)}"
    yield f'<p class="soft">{read.chosen:,} of {read.seen:,} requests{span}; {escape(report.pace)}.</p>'
    if report.warmth:
        yield f'<p class="soft">{escape(report.warmth)}</p>'
    yield "</header>"


def _verdict(report: Report) -> Iterator[str]:
    troubles, doubts = report.troubles, report.doubts
    yield f'<div class="verdict {"bad" if troubles else "good"}" role="status">'
    if troubles:
        yield "<strong>Failed</strong>"
        yield _list(troubles)
    else:
        words = verdict(report)
        yield f"<strong>{words[0].upper()}{words[1:]}.</strong>"
    if doubts:
        yield _list(doubts)
    yield "</div>"


def _list(texts: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>"


def _foot(report: Report) -> Iterator[str]:
    began = min((side.outcome.began for side in report.sides), default=0.0)
    yield "<footer>"
    yield f"<p>Made by <code>edgeproxy replay</code>; the run began {moment(began)}."
    yield f"Files: {', '.join(f'<code>{escape(name)}</code>' for name in report.read.files)}.</p>"
    yield (
        "<p>Corrected latency is from the moment at which a request was due; plain latency from its sending. A target "
        f"that stalls shows in the first one alone ({share_name(0.99)} and above).</p>"
    )
    yield "</footer>"
