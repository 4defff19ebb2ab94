"""The access log: one JSON object a line for each request, also for one that was refused.

No query and no field but host and user agent goes into it: those hold secrets. Of what is in path, host and user agent
whoever makes the log says what may stay.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from io import TextIOBase

from edgeproxy.telemetry.counters import BackendFailure, FallbackReason, Override, Refusal


@dataclass(slots=True)
class Record:
    """One request, filled in as it goes; None is what is not known, or not there. Times in seconds: `began` since the
    epoch, `took` once it is over. README.md says what each field means.
    """

    began: float
    client: str
    scheme: str
    method: str | None = None
    host: str | None = None
    path: str | None = None
    user_agent: str | None = None
    rule: str | None = None
    arm: str | None = None  # of a split: its backend's name
    override: Override | None = None  # what put it there, if not its client's place
    backend: str | None = None
    fallback: FallbackReason | None = None  # why it is not the rule's first backend
    cache: str | None = None  # what the cache did
    why: Refusal | BackendFailure | None = None  # the edge answered in its stead
    status: int = 0  # 0: the client left before there was an answer
    is_whole: bool = False
    took: float = 0.0


Scrub = Callable[[str], str]


def format_record(record: Record) -> str:
    """One line, with its newline."""
    fields = {
        "time": round(record.began, 6),
        "client": record.client,
        "scheme": record.scheme,
        "method": record.method,
        "host": record.host,
        "path": record.path,
        "status": record.status,
        "whole": record.is_whole,
        "why": record.why,
        "rule": record.rule,
        "arm": record.arm,
        "override": record.override,
        "backend": record.backend,
        "fallback": record.fallback,
        "cache": record.cache,
        "ms": round(record.took * 1000, 3),
        "user_agent": record.user_agent,
    }
    return json.dumps(fields, ensure_ascii=True, separators=(",", ":")) + "\n"


class AccessLog:
    """Collects lines and writes them in one go; the edge flushes it a few times a second and at its end."""

    def __init__(self, out: TextIOBase, *, scrub_path: Scrub = str, scrub_text: Scrub = str) -> None:
        """`scrub_text`: for hosts and user agents."""
        self._out = out
        self._scrub_path = scrub_path
        self._scrub_text = scrub_text
        self._lines: list[str] = []
        self.lost = 0  # lines that could not be written: a full disk costs the log, not the service

    def write(self, record: Record) -> None:
        if record.path is not None:
            record.path = self._scrub_path(record.path)
        if record.host is not None:
            record.host = self._scrub_text(record.host)
        if record.user_agent is not None:
            record.user_agent = self._scrub_text(record.user_agent)
        self._lines.append(format_record(record))
        if len(self._lines) >= 1000:
            self.flush()

    def flush(self) -> None:
        lines, self._lines = self._lines, []
        try:
            self._out.write("".join(lines))
            self._out.flush()
        except OSError:
            self.lost += len(lines)
