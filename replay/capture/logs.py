"""Logs of one line for each request: newline JSON as people write it, JSON access logs, combined access logs.

What a log does not say is assumed as the reader was told: a combined log knows no host, and most know no scheme. How
safe a request is no log says, nor is it guessed: it is unknown until a ruleset says it. Sizes are what the log has
counted; of an answer to HEAD none is kept, since some count its head.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from edgeproxy.capture.record import BadRecord, Captured, read_words
from edgeproxy.capture.requests import request_words
from edgeproxy.capture.versions import read_plain
from edgeproxy.http.target import PORTS

_LOOKED_AT: Final = 20  # lines
_SCHEMES: Final = {str(port): scheme for scheme, port in PORTS.items()}
LineReader = Callable[[bytes], Captured]


@dataclass(frozen=True, slots=True)
class Assumed:
    """Where a log does not say it."""

    scheme: str = "http"
    host: str = "pypi.test"


_COMBINED: Final = re.compile(
    r"(?:(?P<vhost>[A-Za-z0-9.-]+(?::[0-9]+)?) )?"
    r"(?P<client>\S+) \S+ (?P<user>.+?) \[(?P<time>[^\]]{1,64})\] "
    r'"(?P<request>(?:[^"\\]|\\.)*)" (?P<status>[0-9]{3}) (?P<octets>[0-9]{1,19}|-)'
    r'(?: "(?P<referer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)")?(?P<rest>.*)'
)
_TIME: Final = re.compile(r"(\d{1,2})/([A-Z][a-z]{2})/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ESCAPED: Final = re.compile(r'\\(x[0-9A-Fa-f]{2}|["\\nrtbv])')
_LETTERS: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "v": "\v"}

# A JSON log's keys, by what they say; the first that is there counts. Its own are the edge's; the others those of
# nginx's variables, of Fastly's documentation, and of Caddy.
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "ended": ("msec",),  # nginx's moment of logging, to the millisecond
    "time": ("time", "timestamp", "time_local", "time_iso8601", "time_start", "ts", "@timestamp"),
    "client": ("client", "client_ip", "remote_addr", "clientip", "client_addr", "remote_ip"),
    "scheme": ("scheme", "protocol_scheme", "req_protocol"),
    "is_tls": ("is_tls", "is_ssl", "https"),
    "method": ("method", "request_method", "req_method", "verb"),
    "host": ("host", "http_host", "server_name", "req_host", "request_host", "vhost"),
    "target": ("url", "request_uri", "uri", "path", "req_url"),
    "request": ("request", "request_line"),
    "status": ("status", "response_status", "resp_status", "status_code"),
    "octets": ("body_bytes_sent", "response_body_size", "resp_body_bytes", "bytes_sent", "size"),
    "user-agent": ("user_agent", "http_user_agent", "request_user_agent", "req_user_agent", "agent"),
    "referer": ("referer", "http_referer", "request_referer", "referrer"),
    "seconds": ("request_time", "duration"),
    "ms": ("ms", "time_elapsed_ms", "time_elapsed_msec", "elapsed_ms"),
    "us": ("time_elapsed_us", "elapsed_us", "time_elapsed", "time_elapsed_usec"),
}
_OWN: Final = ("rule", "arm", "backend", "fallback", "cache", "why", "whole")


def line_reader(start: bytes, assumed: Assumed) -> LineReader | None:
    """For a file that begins so; None for what is none of these."""
    first = next(iter(_first_lines(start)), b"")
    if is_plain_json(start):
        return read_plain
    if first.startswith(b"{"):
        return lambda line: read_json(line, assumed)
    if _COMBINED.match(first.decode("utf-8", "replace")) is not None:
        return lambda line: read_combined(line, assumed)
    return None


def is_plain_json(start: bytes) -> bool:
    """Whether a file that begins so is newline JSON as people write it: by a record among its first lines."""
    return any(_is_plain(line) for line in _first_lines(start))


def _is_plain(line: bytes) -> bool:
    try:
        words = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(words, dict) and "method" in words and "://" in str(words.get("url", ""))


def _first_lines(start: bytes) -> list[bytes]:
    return [line.strip() for line in start.split(b"\n") if line.strip()][:_LOOKED_AT]


def read_combined(line: bytes, assumed: Assumed) -> Captured:
    """Of nginx or Apache: `combined`, `common`, or either behind a virtual host's name. Raises BadRecord."""
    found = _COMBINED.fullmatch(line.decode("utf-8", "replace").strip())
    if found is None:
        raise BadRecord("it is no line of a combined access log")
    try:
        time = _log_time(found["time"])
    except ValueError:
        raise BadRecord("its time is not as in 10/Oct/2000:13:55:36 -0700") from None
    method, target = _request_line(found["request"])
    headers = {
        name: _unescaped(value)
        for name, value in (("referer", found["referer"]), ("user-agent", found["agent"]))
        if value not in (None, "", "-")
    }
    if found["user"] != "-":
        headers["authorization"] = ""  # there was one
    words = _words(method, target, found["vhost"], assumed, headers, found["client"])
    octets = None if found["octets"] == "-" or method == "HEAD" else int(found["octets"])
    return read_words({**words, "time": time, "status": int(found["status"]), "octets": octets})


def read_json(line: bytes, assumed: Assumed) -> Captured:
    """An access log of the edge, or one whose keys have names that are known. Raises BadRecord."""
    try:
        log = json.loads(line)
    except (ValueError, RecursionError):
        raise BadRecord("it is not JSON") from None
    if not isinstance(log, dict):
        raise BadRecord("it is no object")
    said = {what: _first(log, names) for what, names in _NAMES.items()}
    method, target = said["method"], said["target"]
    if method is None and isinstance(said["request"], str):
        is_line = target is None or " " in said["request"]  # Fastly calls the method alone so
        method, target = _request_line(said["request"]) if is_line else (said["request"], target)
    if not isinstance(method, str) or not isinstance(target, str):
        raise BadRecord("it says no method or no target: the request was not understood, or the log does not tell it")
    headers = {name: said[name] for name in ("user-agent", "referer") if isinstance(said[name], str) and said[name]}
    client = said["client"] if isinstance(said["client"], str) else None
    scheme = _scheme(said) or assumed.scheme
    host = said["host"] if isinstance(said["host"], str) else None
    words = _words(method, target, host, Assumed(scheme, assumed.host), headers, client)
    own = {key: log[key] for key in _OWN if key in log} if "rule" in log else {}
    sizes = _sizes(said, without_octets=bool(own) or method == "HEAD")
    return read_words({**words, **own, **_times(said), **sizes})


def _words(
    method: str, target: str, host: str | None, assumed: Assumed, headers: Mapping[str, str], client: str | None
) -> dict[str, Any]:
    url = target if "://" in target.partition("?")[0] else f"{_origin(host, assumed)}{target}"
    return request_words(method, url, headers, client)


def _origin(host: str | None, assumed: Assumed) -> str:
    """Apache's logs of virtual hosts have the port, which tells the scheme."""
    name, _, port = (host or assumed.host).partition(":")
    scheme = _SCHEMES.get(port)
    return f"{assumed.scheme}://{host or assumed.host}" if scheme is None else f"{scheme}://{name}"


def _request_line(text: str) -> tuple[str, str]:
    parts = _unescaped(text).split(" ")
    if len(parts) not in (2, 3) or not parts[1]:
        raise BadRecord("its request is not `method target version`: it was not understood")
    return parts[0], parts[1]


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(_character, text) if "\\" in text else text


def _character(found: re.Match[str]) -> str:
    escape = found[1]
    return chr(int(escape[1:], 16)) if escape[0] == "x" else _LETTERS.get(escape, escape)


def _first(log: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """Of what has one: `-` is Apache's word for what has none."""
    return next((log[name] for name in names if log.get(name) not in (None, "-")), None)


def _scheme(said: Mapping[str, Any]) -> str | None:
    scheme = said["scheme"]
    if scheme in ("http", "https"):
        return str(scheme)
    return {"true": "https", "on": "https", "1": "https", "false": "http"}.get(str(said["is_tls"]).lower())


def _sizes(said: Mapping[str, Any], *, without_octets: bool) -> dict[str, int | None]:
    sizes = {key: _integer(said[key]) for key in ("status", "octets")}
    return {"status": sizes["status"]} if without_octets else sizes


def _times(said: Mapping[str, Any]) -> dict[str, float | None]:
    """A log written at the end begins where that says it lasted from."""
    took = _milliseconds(said)
    if said["ended"] is None:
        return {"time": _moment(said["time"]), "ms": took}
    return {"time": max(0.0, _moment(said["ended"]) - (took or 0.0) / 1e3), "ms": took}


def _integer(value: Any) -> int | None:
    try:
        return None if value is None or isinstance(value, bool) else int(value)
    except (ValueError, TypeError, OverflowError):
        return None


def _moment(value: Any) -> float:
    """Seconds, milliseconds or microseconds since the epoch, or one of the usual texts. Raises BadRecord."""
    try:
        number = float(value)
    except (ValueError, TypeError, OverflowError):
        return _moment_of_text(value)
    for unit in (1.0, 1e3, 1e6):
        if 0 <= number / unit < 1e11 and (unit == 1.0) == (number < 1e11) and number / unit < 1e10:
            return number / unit
    raise BadRecord("its time is no time since the epoch")


def _moment_of_text(value: Any) -> float:
    if isinstance(value, str):
        for read in (_iso_time, _log_time):
            with suppress(ValueError):
                return read(value)
    raise BadRecord("its time cannot be read")


def _iso_time(text: str) -> float:
    """Raises ValueError. Without a zone it is UTC."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def _log_time(text: str) -> float:
    """As in 10/Oct/2000:13:55:36 -0700. Raises ValueError."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(text)
    day, month, year, clock, hours, minutes = found.groups()
    date = f"{year}-{_MONTHS.index(month) + 1:02}-{int(day):02}"
    return datetime.fromisoformat(f"{date}T{clock}{hours}:{minutes}").timestamp()


def _milliseconds(said: Mapping[str, Any]) -> float | None:
    for key, factor in (("ms", 1.0), ("seconds", 1e3), ("us", 1e-3)):
        try:
            number = None if said[key] is None else float(said[key])
        except (ValueError, TypeError, OverflowError):
            continue
        if number is not None and 0 <= number < 1e9:
            return number * factor
    return None
