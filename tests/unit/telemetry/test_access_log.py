"""Access log lines: what they tell, and what they never tell."""

from __future__ import annotations

import io
import json

from edgeproxy.telemetry.access_log import AccessLog, Record, format_record
from edgeproxy.telemetry.counters import BackendFailure

RECORD = Record(
    began=1732406400.5,
    client="192.0.2.7",
    scheme="https",
    method="GET",
    host="pypi.test",
    path="/simple/six/",
    user_agent='pip/26.3 {"a":"b"}',
    rule="simple",
    arm="modern",
    backend="modern",
    cache="miss",
    why=BackendFailure.REFUSED,
    status=502,
    is_whole=True,
    took=0.01234,
)


def test_a_line_is_one_json_object() -> None:
    line = format_record(RECORD)
    assert line.endswith("}\n")
    assert line.count("\n") == 1
    assert json.loads(line) == {
        "time": 1732406400.5,
        "client": "192.0.2.7",
        "scheme": "https",
        "method": "GET",
        "host": "pypi.test",
        "path": "/simple/six/",
        "status": 502,
        "whole": True,
        "why": "refused",
        "rule": "simple",
        "arm": "modern",
        "override": None,
        "backend": "modern",
        "fallback": None,
        "cache": "miss",
        "ms": 12.34,
        "user_agent": 'pip/26.3 {"a":"b"}',
    }


def test_what_a_client_sends_cannot_forge_a_line() -> None:
    record = Record(0, "192.0.2.7", "http", "GET", "pypi.test", "/", 'evil\n{"status":200}\x1b[31m é')
    assert format_record(record).count("\n") == 1
    assert "\x1b" not in format_record(record)


def test_lines_are_kept_until_they_are_flushed() -> None:
    out = io.StringIO()
    log = AccessLog(out)
    log.write(RECORD)
    assert out.getvalue() == ""
    log.flush()
    assert out.getvalue() == format_record(RECORD)
    for _ in range(1000):
        log.write(RECORD)
    assert out.getvalue().count("\n") == 1001


def test_what_may_stay_is_said_by_whoever_makes_the_log() -> None:
    out = io.StringIO()
    log = AccessLog(out, scrub_path=lambda _: "/[path]", scrub_text=lambda text: f"[{len(text)}]")
    log.write(Record(0, "192.0.2.7", "http", "GET", "pypi.test", "/reset/hunter2hunter2", "pip/24.0"))
    log.write(Record(0, "192.0.2.7", "http"))
    log.flush()
    first, second = map(json.loads, out.getvalue().splitlines())
    assert (first["path"], first["host"], first["user_agent"]) == ("/[path]", "[9]", "[8]")
    assert (second["path"], second["host"], second["user_agent"]) == (None, None, None)
