"""The figures of runs as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from math import isfinite
from typing import Any

from loadtests.bench.report import table_of
from loadtests.edge2018.figures import GBIT_2018, LEAST_SHARE, MOST_AT_BACKEND, Figures, Latencies
from loadtests.edge2018.load import Settings
from loadtests.edge2018.stand import Edge


def text_of(edge: Edge, settings: Settings, figures: Figures) -> str:
    return "\n".join((*_carried(edge, settings, figures), "", *_latencies(figures), "", *_costs(figures)))


def _carried(edge: Edge, settings: Settings, figures: Figures) -> Iterator[str]:
    workers = "1 worker" if edge.workers == 1 else f"{edge.workers} workers"
    meant = f"{settings.rate:,.0f} requests/s meant, for {figures.seconds:.0f} s"
    yield f"{workers}, {meant}, {figures.connections:,} connections"
    filled = figures.filled
    yield (
        f"  before: {filled.requests:,} answers brought in within {filled.seconds:.0f} s, as after "
        f"{settings.uptime / 3600:g} h of this load" + (f" ({filled.faults} failed)" if filled.faults else "")
    )
    yield (
        f"  answered: {figures.answered:,} of {figures.meant:,}, {figures.rate:,.0f} requests/s; "
        f"failed {figures.meant - figures.answered}{_words_of(figures.faults)}"
    )
    yield f"  by the edge: {figures.share:.3%} (aim {LEAST_SHARE:.1%}); Cache-Status{_words_of(figures.said)}"
    yield f"  at the backend: {figures.at_backend:.1f} requests/s (aim at most {MOST_AT_BACKEND:.0f})"
    yield (
        f"  carried: {figures.gbit:.2f} Gbit/s of content, {figures.gbit / GBIT_2018:.0%} of the {GBIT_2018} of 2018; "
        f"{figures.octets / max(figures.answered, 1) / 1e3:,.0f} kB a request"
    )


def _words_of(counts: Mapping[str, int]) -> str:
    told = ", ".join(f"{word or 'nothing'} {count:,}" for word, count in sorted(counts.items()))
    return f": {told}" if told else ""


def _latencies(figures: Figures) -> Iterator[str]:
    yield "latency in ms, from the time a request was meant for to the last octet"
    rows = [*figures.latencies.items(), ("late in sending", figures.late)]
    yield from table_of(("", "requests", "p50", "p99", "p99.9", "greatest"), [_row(*row) for row in rows])


def _row(name: str, latencies: Latencies) -> tuple[str, ...]:
    times = (latencies.p50, latencies.p99, latencies.p999, latencies.greatest)
    return (name, f"{latencies.requests:,}", *(f"{seconds * 1e3:.2f}" for seconds in times))


def _costs(figures: Figures) -> Iterator[str]:
    cpu, each = figures.cpu, 1e6 / max(figures.rate, 1)
    yield "CPU in cores, in the mean"
    rows = [
        (name, f"{cores:.2f}", f"{cores * each:.0f}")
        for name, cores in (
            ("edge", cpu.edge),
            ("load maker", cpu.maker),
            ("backend", cpu.origin),
            ("others", cpu.others),
        )
    ]
    yield from table_of(("", "cores", "µs/request"), rows)


def _finite(value: Any) -> Any:
    """JSON has no word for what took for ever, or for the latency of nobody: null."""
    match value:
        case float():
            return value if isfinite(value) else None
        case dict():
            return {name: _finite(each) for name, each in value.items()}
        case list() | tuple():
            return [_finite(each) for each in value]
        case _:
            return value


def json_of(runs: Sequence[tuple[Edge, Settings, Figures]], about: dict[str, Any]) -> dict[str, Any]:
    return {
        "format": 1,
        **about,
        "runs": [
            {
                "edge": asdict(edge),
                "settings": asdict(settings),
                "share": figures.share,
                "rate": figures.rate,
                "at_backend": figures.at_backend,
                "gbit": figures.gbit,
                "share_of_2018": figures.gbit / GBIT_2018,
                **_finite(asdict(figures)),
            }
            for edge, settings, figures in runs
        ],
    }
