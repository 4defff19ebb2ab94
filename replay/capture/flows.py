"""Flow files of mitmproxy, as `mitmdump -w FILE` and `Save` of its other programs write them, of versions since 0.11.

A file is one tnetstring after the other, each a flow with the number of its version (mitmproxy's `FLOW_FORMAT_VERSION`,
or before 4.0 a release's). Why not by mitmproxy itself: what a record needs of a flow is a few values, which have
hardly changed their names; a reader of its own costs less than that program and all it needs, and has bounds.

Laws of this module:
- a flow that is broken, or too large, costs itself: the next one is looked for;
- what is read is scrubbed like everything else; what was said to others than clients is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, BinaryIO, Final

from edgeproxy.capture.record import BadRecord, Captured, read_words
from edgeproxy.capture.requests import joined, request_words
from edgeproxy.http.target import PORTS
from replay.capture.found import Found, Skipped
from replay.capture.tnetstrings import NoTnetstring, prefix_of, read_tnetstring

LARGEST: Final = 1 << 26  # octets of a flow
_KNOWN: Final = 21  # the newest version that is known to be read right
_AT_A_TIME: Final = 1 << 16
_HEAD: Final = 12  # octets: a prefix has no more
_KEYS: Final = (
    b"version|type|id|error|intercepted|marked|mode|metadata|comment|backup|is_replay|timestamp_created|websocket|"
    b"client_conn|server_conn|request|response|messages"
)
_START: Final = re.compile(rb"[0-9]{2,10}:[0-9]{1,2}:(?:" + _KEYS + rb")[;,]")
_LONGEST_START: Final = 40
_OTHERWISE: Final = (KeyError, TypeError, AttributeError, ValueError, IndexError)  # of what is of another form
_NO_FLOW: Final = "it is no flow of HTTP as mitmproxy writes them"

Content = tuple[int, str]  # octets, and their SHA-256 in hexadecimal


def is_flows(start: bytes) -> bool:
    """Whether a file that begins so is one."""
    return _START.match(start) is not None


def read_flows(file: BinaryIO) -> Iterator[Found]:
    """Raises OSError."""
    number = place = 0
    while True:
        octets, after, why = _next_flow(file, place)
        if after == place:
            return
        number, where = number + 1, f"flow {number + 1}, octet {place}"
        place = after
        if octets is None:
            yield Skipped(where, why)
            continue
        try:
            yield record_of(read_tnetstring(octets))
        except (NoTnetstring, BadRecord) as error:
            yield Skipped(where, str(error))


def _next_flow(file: BinaryIO, place: int) -> tuple[bytes | None, int, str]:
    """Its octets, where the next one begins, and why there are none. The same place: the file has ended."""
    file.seek(place)
    head = file.read(_HEAD)
    if not head:
        return None, place, ""
    prefix = prefix_of(head)
    if prefix is None:
        return None, _until_next(file, place), "there is no flow"
    length, begin = prefix
    end = place + begin + length + 1
    if length > LARGEST:
        is_one = _octet(file, end - 1) == b"}"
        return None, end if is_one else _until_next(file, place), f"it is of more than {LARGEST} octets, or none"
    file.seek(place)
    octets = file.read(begin + length + 1)
    if len(octets) < begin + length + 1:
        return None, _until_next(file, place), "the file ends in a flow"
    if not octets.endswith(b"}"):
        return None, _until_next(file, place), "a flow was altered"
    return octets, end, ""


def _until_next(file: BinaryIO, place: int) -> int:
    """Where the next flow begins, or the end."""
    at = place + 1
    file.seek(at)
    tail = b""
    while data := file.read(_AT_A_TIME):
        data = tail + data
        file_at = file.tell()
        for found in _START.finditer(data):
            # One that is cut off by the end of these octets is in the next ones, too.
            begun = _first_whole(file, at + found.start(), found[0].partition(b":")[0])
            if begun is not None:
                return begun
        file.seek(file_at)
        keep = min(len(data), _LONGEST_START)
        at += len(data) - keep
        tail = data[len(data) - keep :]
    return at + len(tail)


def _first_whole(file: BinaryIO, place: int, digits: bytes) -> int | None:
    """Where a flow begins whose length is these digits, or the last of them: those before may be of what is broken."""
    for each in range(len(digits) - 1):
        length = int(digits[each:])
        if length <= LARGEST and _octet(file, place + len(digits) + 1 + length) == b"}":
            return place + each
    return None


def _octet(file: BinaryIO, place: int) -> bytes:
    file.seek(place)
    return file.read(1)


def record_of(flow: Any, url: str | None = None, content: Content | None = None) -> Captured:
    """`url`, `content`: where something else than the flow knows it. Raises BadRecord."""
    try:
        return _read_flow(flow, url, content)
    except BadRecord:
        raise
    except _OTHERWISE:
        raise BadRecord(_NO_FLOW) from None


def url_of(flow: Any) -> str:
    """As its client has asked. Raises BadRecord."""
    try:
        return _url(flow["request"], flow["client_conn"], _headers(flow["request"]["headers"]))
    except _OTHERWISE:
        raise BadRecord(_NO_FLOW) from None


def _read_flow(flow: Any, url: str | None, content: Content | None) -> Captured:
    """Raises BadRecord, and what is in _OTHERWISE."""
    _check_version(flow["version"])
    kind = _text(flow.get("type", "http"))
    if kind != "http":
        raise BadRecord("it is a flow of another protocol than HTTP")
    request, client = flow["request"], flow["client_conn"]
    headers = _headers(request["headers"])
    method, began = _text(request["method"]), request["timestamp_start"]
    url = _url(request, client, headers) if url is None else url
    words = request_words(method, url, headers, _address(client)[0])
    answer = flow.get("response")
    return read_words(
        {
            **words,
            "time": _number(began),
            "connection": _connection(client),
            "sent": len(request.get("content") or b"") or None,
            **(_answer(answer, method, began) if answer is not None else {"status": 0, "whole": False}),
            **({"whole": False} if flow.get("error") is not None else {}),
            **({} if content is None or method == "HEAD" else {"octets": content[0], "digest": content[1]}),
        }
    )


def _check_version(version: Any) -> None:
    """A number, or that of a release."""
    if isinstance(version, list):
        if tuple(version) < (0, 11):
            raise BadRecord("a mitmproxy before 0.11 wrote it: let a newer one read and write it")
    elif version > _KNOWN:
        raise BadRecord(f"a newer mitmproxy wrote it (version {version:d}, {_KNOWN} is known): let it write HAR")


def _answer(answer: Mapping[str, Any], method: str, began: float) -> dict[str, Any]:
    status = answer["status_code"] if "status_code" in answer else answer["code"]  # before 0.14
    content = answer["content"] if "content" in answer else answer.get("body")  # 0.14 alone
    if method == "HEAD":
        content = None
    head, end = answer.get("timestamp_start"), answer.get("timestamp_end")
    return {
        "status": status,
        "whole": True,
        "octets": None if content is None else len(content),
        "digest": None if content is None else sha256(content).hexdigest(),
        "head_ms": None if head is None else max(0.0, (_number(head) - began) * 1e3),
        "ms": None if end is None else max(0.0, (_number(end) - began) * 1e3),
    }


def _url(request: Mapping[str, Any], client: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """As the client has seen it: of a reverse proxy the flow says where it sent the request."""
    scheme = _text(request["scheme"])
    mode = client.get("proxy_mode")  # since 9
    is_reverse = mode is None or not str(mode).startswith(("regular", "upstream"))
    if scheme == "http" and is_reverse and _is_tls(client):
        scheme = "https"
    authority = _text(request.get("authority") or b"") or headers.get(":authority") or headers.get("host")
    if not authority:
        host, port = _text(request["host"]), request["port"]
        authority = host if port == PORTS.get(scheme) else f"{host}:{port:d}"
    path = _text(request["path"])
    return path if "://" in path.partition("?")[0] else f"{scheme}://{authority}{path}"


def _is_tls(client: Mapping[str, Any]) -> bool:
    return any(client.get(name) for name in ("tls", "tls_established", "ssl_established"))  # since 7, 5, and before


def _connection(client: Mapping[str, Any]) -> str:
    """Before version 5 a connection has no name: when it began, and from where, tells it from others."""
    name = client.get("id")
    return _text(name)[:200] if name else f"{_number(client['timestamp_start']):.6f}-{_address(client)[1]:d}"


def _address(client: Mapping[str, Any]) -> tuple[str | None, int]:
    address = client.get("peername") or client.get("address")
    if isinstance(address, dict):  # before 2.0
        address = address["address"]
    return (None, 0) if not address else (_text(address[0]), address[1])


def _headers(fields: Any) -> dict[str, str]:
    return joined((_text(name), _text(value)) for name, value in fields)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float):
        raise TypeError
    return float(value)
