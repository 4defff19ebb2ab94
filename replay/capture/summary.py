"""What is in a capture, at a glance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from edgeproxy.capture.record import Captured
from edgeproxy.capture.versions import Note
from edgeproxy.migration.comparing.families import family_of
from replay.capture.reading import Source

_SHOWN = 10  # of each kind, the most frequent
_MOST_NAMES = 2_000  # of each kind; others are counted together
_OTHER = "(other)"
_MOST_TOLD = 20  # of what is broken, one by one


@dataclass(slots=True)
class Summary:
    exchanges: int = 0
    first: float | None = None
    last: float | None = None
    connections: set[int] = field(default_factory=set)  # hashes: a name takes more room
    counted: dict[str, Counter[str]] = field(default_factory=dict)  # by what
    digests: int = 0
    notes: Counter[str] = field(default_factory=Counter)  # what edges say of it: dropped, lost
    broken: int = 0
    lost: int = 0  # records in it, where that is known
    told: list[str] = field(default_factory=list)

    def add(self, source: Source) -> None:
        found = source.found
        if isinstance(found, Captured):
            self._add(found)
        elif isinstance(found, Note):
            last = found.words if "dropped" in found.words else {}  # of a worker: the others say what it was until then
            self.notes.update({key: last[key] for key in ("dropped", "lost", "unreadable") if _is_count(last.get(key))})
        else:
            self.broken += 1
            self.lost += found.lost or 0
            if len(self.told) < _MOST_TOLD:
                self.told.append(f"{source.path}: {found.where}: {found.why}")

    def _add(self, record: Captured) -> None:
        self.exchanges += record.count
        self.first = record.time if self.first is None else min(self.first, record.time)
        self.last = record.time if self.last is None else max(self.last, record.time)
        if record.connection is not None:
            self.connections.add(hash(record.connection))
        self.digests += record.count * (record.digest is not None)
        self._count("safety", record.safety, record.count)
        self._count("methods", record.method, record.count)
        self._count("rules", record.rule, record.count)
        self._count("shapes", record.shape, record.count)
        self._count("statuses", None if record.status is None else str(record.status), record.count)
        self._count("cache", record.cache, record.count)
        self._count("clients", family_of(record.headers.get("user-agent", "")), record.count)

    def _count(self, what: str, name: str | None, count: int) -> None:
        if name is None:
            return
        counter = self.counted.setdefault(what, Counter())
        counter[name if name in counter or len(counter) < _MOST_NAMES else _OTHER] += count


def summary_of(sources: Iterable[Source]) -> Summary:
    summary = Summary()
    for source in sources:
        summary.add(source)
    return summary


def as_text(summary: Summary) -> Iterator[str]:
    yield f"{summary.exchanges:,} exchanges of {len(summary.connections):,} connections"
    if summary.first is not None and summary.last is not None:
        yield f"from {_moment(summary.first)}, for {summary.last - summary.first:,.1f} s"
    for what, counter in summary.counted.items():
        shown = ", ".join(f"{name} {count:,}" for name, count in counter.most_common(_SHOWN))
        more = f", and {len(counter) - _SHOWN} more" if len(counter) > _SHOWN else ""
        yield f"{what}: {shown}{more}"
    yield f"digests of answers: {summary.digests:,}"
    if summary.notes:
        yield f"not captured, as the edge says: {', '.join(f'{name} {n:,}' for name, n in summary.notes.items())}"
    if summary.broken:
        yield f"broken: {summary.broken:,} places, with at least {summary.lost:,} records"
        yield from summary.told


def as_json(summary: Summary) -> dict[str, object]:
    return {
        "exchanges": summary.exchanges,
        "connections": len(summary.connections),
        "first": summary.first,
        "last": summary.last,
        **{what: dict(counter.most_common()) for what, counter in summary.counted.items()},
        "digests": summary.digests,
        "notes": dict(summary.notes),
        "broken": {"places": summary.broken, "records": summary.lost, "told": summary.told},
    }


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
