"""The page's section of what was answered otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from edgeproxy.migration.comparing.differences import to_json
from edgeproxy.migration.comparing.examples import Example
from edgeproxy.migration.comparing.grouping import Group, Key
from replay.report.facts import Comparison, Report
from replay.report.page_figures import section, table
from replay.report.plots import Bar, bar_plot
from replay.report.words import percent

_MOST_GROUPS = 30
_MOST_EXAMPLES = 3


def differences(report: Report) -> Iterator[str]:
    comparison = report.comparison
    if comparison is None:
        return
    groups = comparison.groups
    different = [(key, group) for key, group in groups if group.different]
    about = f"{groups.different:,} of {groups.compared:,} answers are other than those of {comparison.beside}."
    if len({side.name for side in report.sides}) > 1:
        about += f" New is {report.sides[0].name}, old is {comparison.beside}."
    bars = [
        Bar(
            f"{_name(key)}", group.different, f"{group.different:,} ({percent(group.different, group.compared)})", "bad"
        )
        for key, group in different[:_MOST_GROUPS]
    ]
    words = "; ".join(f"{bar.name}: {bar.value:,}" for bar in bars)
    plot = [bar_plot("differences-plot", "Answers that differ, by shape of URLs", words, bars)] if bars else []
    yield section(
        "differences",
        "Differences",
        about,
        *plot,
        *(part for key, group in different[:_MOST_GROUPS] for part in _group(key, group)),
        *_rest(comparison),
    )


def _name(key: Key) -> str:
    return f"{key.shape} · {key.family}"


def _group(key: Key, group: Group) -> Iterator[str]:
    rule = f"{key.rule}: " if key.rule else ""
    title = f"{rule}{key.shape}, {key.family}: {group.different:,} of {group.compared:,}"
    yield f"<details><summary>{escape(title)}</summary>"
    for (kind, pattern), tally in sorted(group.tallies.items(), key=lambda each: -each[1].count):
        yield f"<h3>{tally.count:,} {escape(kind.value)}: <code>{escape(pattern)}</code></h3>"
        for example in tally.examples[:_MOST_EXAMPLES]:
            yield _example(example, pattern)
    yield "</details>"


def _example(example: Example, pattern: str) -> str:
    found = next((to_json(each) for each in example.differences if each.pattern == pattern), {})
    request = f"<code>{escape(example.method)} {escape(example.target)}</code>"
    values = [f"{side} <code>{escape(str(found[side]))}</code>" for side in ("old", "new") if side in found]
    path = f" at <code>{escape(str(found['path']))}</code>" if found.get("path", pattern) != pattern else ""
    return f"<p>{request}{path}{': ' if values else ''}{', '.join(values)}</p>"


def _rest(comparison: Comparison) -> Iterator[str]:
    if comparison.not_compared:
        rows = [[why.value, f"{count:,}"] for why, count in comparison.not_compared.most_common()]
        yield table("Not compared", ("why", "answers"), rows)
    if comparison.noise:
        rows = [[kind, pattern, f"{share:.1%}"] for kind, pattern, share in comparison.noise]
        caption = f"Noise: what the old side has with itself, in {comparison.pairs:,} pairs of its answers"
        yield table(caption, ("kind", "where", "share of pairs"), rows, texts=(1,))
