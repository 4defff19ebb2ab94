"""HAR 1.2, in and out: what browsers save of a session, and what their tools open.

Laws of this module:
- what is read is scrubbed like everything else: no cookie, no body, no header that captures do not keep;
- what is written holds no more than the capture, and no body: cookies are empty lists, unknown sizes -1;
- what HAR has no word for (`_edgeproxy`) comes back as it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from edgeproxy.capture.record import BadRecord, Captured, read_words
from edgeproxy.capture.requests import joined, request_words
from replay.capture.found import Found, Skipped, Unreadable
from replay.capture.har_entries import Entry, Nones, Torn, entries_in

_UNKNOWN: Final = -1
_CREATOR: Final = {"name": "edgeproxy", "version": "0.1.0"}
_OWN: Final = (
    *("safety", "rule", "shape", "arm", "backend", "fallback", "cache", "why", "whole", "digest", "xmlrpc", "client"),
    *("credentials", "count"),
)


def read_har(content: bytes, name: str) -> Iterator[Found]:
    """Raises Unreadable."""
    entries = entries_in(content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape"))
    if entries is None:
        raise Unreadable(f"{name}: it begins as a HAR and is none: `log.entries` cannot be read")
    number = 1
    for entry in entries:
        if isinstance(entry, Torn):
            yield Skipped("its end", "the document ends within its entries", None)
        elif isinstance(entry, Nones):
            yield _skipped(number, entry.count)
            number += entry.count
        else:
            yield _found(number, entry)
            number += 1


def _skipped(first: int, count: int) -> Skipped:
    if count == 1:
        return Skipped(f"entry {first}", "it is no entry of HAR 1.2")
    return Skipped(f"entries {first} to {first + count - 1}", "they are no entries of HAR 1.2", count)


def _found(number: int, entry: Entry) -> Found:
    try:
        return _read_entry(_object(entry))
    except BadRecord as error:
        return Skipped(f"entry {number}", str(error))
    except (KeyError, TypeError, AttributeError, OverflowError):
        return Skipped(f"entry {number}", "it is no entry of HAR 1.2")


def _object(entry: Entry) -> Any:
    """Raises BadRecord."""
    if entry.text is None:
        raise BadRecord("it holds more values than any program writes")
    try:
        return json.loads(entry.text)
    except (ValueError, RecursionError):
        raise BadRecord("it is not JSON") from None


def _read_entry(entry: Mapping[str, Any]) -> Captured:
    """Raises BadRecord; KeyError, TypeError, AttributeError and OverflowError where it is of another form."""
    request, response = entry["request"], entry["response"]
    headers = joined((each["name"], each["value"]) for each in request["headers"])
    if request.get("cookies"):
        headers.setdefault("cookie", "")
    method, url = request["method"], request["url"]
    if not isinstance(method, str) or not isinstance(url, str):
        raise BadRecord("its method or URL is no text")
    words = request_words(method, url, headers, None)
    own = entry.get("_edgeproxy")
    kept = {key: own[key] for key in _OWN if key in own} if isinstance(own, dict) else {}
    times = entry.get("timings", {})
    return read_words(
        {
            **words,
            "whole": response["status"] > 0,
            **kept,
            "time": _moment(entry["startedDateTime"]),
            "connection": _text(entry.get("connection")),
            "sent": _size(request.get("bodySize")) or None,
            "status": response["status"],
            "octets": _size(response.get("bodySize")),
            "ms": _size(entry.get("time")),
            "head_ms": _sum(times, ("blocked", "dns", "connect", "send", "wait")),
        }
    )


def har_of(records: Iterable[Captured]) -> Iterator[str]:
    """The document, in pieces."""
    yield f'{{"log":{{"version":"1.2","creator":{json.dumps(_CREATOR)},"entries":['
    for number, record in enumerate(records):
        yield ("," if number else "") + "\n" + json.dumps(_entry(record), separators=(",", ":"))
    yield "\n]}}\n"


def _entry(record: Captured) -> dict[str, Any]:
    query = parse_qsl(urlsplit(record.url).query, keep_blank_values=True)
    size = _UNKNOWN if record.octets is None else record.octets
    wait, status = record.head_ms, record.status or 0
    receive = 0.0 if wait is None or record.ms is None else max(record.ms - wait, 0.0)
    return {
        "startedDateTime": datetime.fromtimestamp(record.time, UTC).isoformat(timespec="microseconds"),
        "time": record.ms or 0.0,
        "request": {
            "method": record.method,
            "url": record.url,
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [{"name": name, "value": value} for name, value in record.headers.items()],
            "queryString": [{"name": name, "value": value} for name, value in query],
            "headersSize": _UNKNOWN,
            "bodySize": record.sent or 0,
        },
        "response": {
            "status": status,
            "statusText": HTTPStatus(status).phrase if status in tuple(HTTPStatus) else "",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [],
            "content": {"size": max(size, 0), "mimeType": ""},
            "redirectURL": "",
            "headersSize": _UNKNOWN,
            "bodySize": size,
        },
        "cache": {},
        "timings": {"send": 0.0, "wait": record.ms or 0.0 if wait is None else wait, "receive": receive},
        **({} if record.connection is None else {"connection": record.connection}),
        "_edgeproxy": {key: value for key in _OWN if (value := getattr(record, key)) not in (None, ())},
    }


def _moment(text: Any) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        raise BadRecord("`startedDateTime` is not as in ISO 8601") from None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def _size(value: Any) -> Any:
    """-1 is what HAR says of what is not known."""
    return None if value is None or value == _UNKNOWN else value


def _text(value: Any) -> str | None:
    return None if value is None else str(value)[:200]


def _sum(times: Mapping[str, Any], names: tuple[str, ...]) -> float | None:
    known = [times[name] for name in names if isinstance(times.get(name), int | float) and times[name] >= 0]
    return float(sum(known)) if known else None
