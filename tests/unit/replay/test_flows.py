"""Flow files of mitmproxy with what is broken in them, and of versions that no program here writes."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flow_files import written

from edgeproxy.capture.record import Captured
from replay.capture import flows
from replay.capture.flows import is_flows, read_flows
from replay.capture.found import Found, Skipped

CLIENT: dict[str, Any] = {"id": "one", "peername": ["192.0.2.7", 4711], "timestamp_start": 1.5, "tls": True}
REQUEST: dict[str, Any] = {
    "method": b"GET",
    "scheme": b"https",
    "authority": b"",
    "host": "pypi.test",
    "port": 443,
    "path": b"/simple/six/",
    "headers": [[b"Host", b"pypi.test"], [b"Accept", b"a"], [b"accept", b"b"]],
    "content": b"",
    "timestamp_start": 100.0,
}
ANSWER: dict[str, Any] = {"status_code": 200, "content": b"ok", "timestamp_start": 100.25, "timestamp_end": 100.5}


def flow(request: dict[str, Any] | None = None, client: dict[str, Any] | None = None, **more: Any) -> bytes:
    values = {"version": 21, "type": "http", "error": None, "response": ANSWER}
    values |= {"request": REQUEST | (request or {}), "client_conn": CLIENT | (client or {})}
    return written(values | more)


def found_in(content: bytes) -> list[Found]:
    return list(read_flows(io.BytesIO(content)))


def one(content: bytes) -> Captured:
    (found,) = found_in(content)
    assert isinstance(found, Captured)
    return found


def test_a_flow_is_a_record() -> None:
    record = one(flow())
    assert (record.method, record.url, record.status, record.whole) == (
        "GET",
        "https://pypi.test/simple/six/",
        200,
        True,
    )
    assert (record.time, record.head_ms, record.ms, record.octets) == (100.0, 250.0, 500.0, 2)
    assert (record.headers, record.connection, record.client) == ({"accept": "a, b"}, "one", "192.0.2.0")


@pytest.mark.parametrize(
    ("request_", "client", "url"),
    [
        ({"headers": []}, {}, "https://pypi.test/"),
        ({"headers": [], "port": 8443}, {}, "https://pypi.test:8443/"),
        ({"authority": b"a.test"}, {}, "https://a.test/"),
        ({"headers": [[b":authority", b"b.test"]]}, {}, "https://b.test/"),
        ({"scheme": b"http"}, {"proxy_mode": "regular"}, "http://pypi.test/"),
        ({"scheme": b"http"}, {"proxy_mode": "reverse:http://127.0.0.1:1"}, "https://pypi.test/"),
        ({"scheme": b"http"}, {"proxy_mode": "reverse:http://127.0.0.1:1", "tls": False}, "http://pypi.test/"),
        ({"path": b"http://c.test/"}, {}, "http://c.test/"),
    ],
)
def test_the_url_is_what_the_client_asked_for(request_: dict[str, Any], client: dict[str, Any], url: str) -> None:
    assert one(flow({"path": b"/", **request_}, client)).url == url


def test_what_has_no_answer_or_broke_off_says_so() -> None:
    without = one(flow(response=None, error={"msg": "refused"}))
    assert (without.status, without.whole, without.ms) == (0, False, None)
    broken = one(flow(error={"msg": "reset"}))
    assert (broken.status, broken.whole) == (200, False)
    unfinished = one(flow(response=ANSWER | {"content": None, "timestamp_end": None}))
    assert (unfinished.octets, unfinished.ms, unfinished.head_ms) == (None, None, 250.0)


def test_versions_before_4_name_things_otherwise() -> None:
    """As 0.11 wrote it: keys are octets, a version is a release's, and an address is an object."""
    request = {each.encode(): value for each, value in REQUEST.items() if each != "authority"}
    answer = {b"code": 200, b"msg": b"OK", b"content": b"ok", b"timestamp_start": None, b"timestamp_end": None}
    client = {b"address": {b"address": [b"192.0.2.7", 4711]}, b"timestamp_start": 1.5, b"ssl_established": True}
    values = {b"version": [0, 11], b"type": b"http", b"error": None, b"request": request}
    record = one(bytes_keys(values | {b"response": answer, b"client_conn": client}))
    assert (record.url, record.status, record.octets) == ("https://pypi.test/simple/six/", 200, 2)
    assert (record.connection, record.client, record.ms) == ("1.500000-4711", "192.0.2.0", None)


def bytes_keys(values: Any) -> bytes:
    if isinstance(values, dict):
        content = b"".join(bytes_keys(each) for pair in values.items() for each in pair)
        return b"%d:%b}" % (len(content), content)
    return written(values)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (flow(version=[0, 10]), "a mitmproxy before 0.11"),
        (flow(version=22), "a newer mitmproxy"),
        (flow(type="tcp"), "another protocol"),
        (flow({"path": 7}), "no flow of HTTP"),
        (flow({"scheme": b"ftp"}), "no http or https URL"),
        (flow({"method": b"G T"}), "`method` is none"),
        (flow({"timestamp_start": "now"}), "no flow of HTTP"),
        (written({"version": 21, "a": 1}), "no flow of HTTP"),
        (flow()[:8] + b"9" + flow()[9:], ""),  # a length within
    ],
)
def test_what_is_broken_costs_itself(broken: bytes, why: str) -> None:
    first, second, third = found_in(flow() + broken + flow({"path": b"/next"}))
    assert isinstance(first, Captured)
    assert isinstance(second, Skipped)
    assert second.where == f"flow 2, octet {len(flow())}"
    assert why in second.why
    assert isinstance(third, Captured)
    assert third.target == "/next"


@pytest.mark.parametrize(
    "broken", [b"rubbish", b"12", b"7:version;", flow()[:-1], flow()[1:], flow()[:50], b"9" + flow()]
)
def test_the_next_flow_is_found_behind_rubbish(broken: bytes) -> None:
    found = found_in(flow() + broken + flow({"path": b"/next"}) + flow({"path": b"/last"}))
    records = [each for each in found if isinstance(each, Captured)]
    assert [each.target for each in records][-2:] == ["/next", "/last"]
    assert any(isinstance(each, Skipped) for each in found)


def test_a_file_that_ends_in_a_flow_says_so() -> None:
    first, second = found_in(flow() + flow()[:-20])
    assert isinstance(first, Captured)
    assert second == Skipped(f"flow 2, octet {len(flow())}", "the file ends in a flow")


def test_a_flow_that_is_too_large_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows, "LARGEST", 1_000)
    large = flow(response=ANSWER | {"content": b"x" * 2_000})
    first, second, third = found_in(flow() + large + flow())
    assert isinstance(second, Skipped)
    assert "more than 1000 octets" in second.why
    assert first == third


def test_a_file_is_known_by_its_beginning() -> None:
    assert is_flows(flow())
    assert not is_flows(b"12:hello world!,")
    assert not is_flows(b'{"log": {')
