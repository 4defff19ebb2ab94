"""Files of others, read as captures, and what is broken in them. What the real programs wrote: test_samples.py."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from captures import packed, record

from edgeproxy.capture.blocks import Packer
from edgeproxy.capture.columns import object_of
from edgeproxy.capture.record import Captured
from edgeproxy.capture.settings import SUFFIX
from edgeproxy.capture.versions import NOTE
from replay.capture.found import Found, Skipped, Unreadable
from replay.capture.har import har_of
from replay.capture.reading import Assumed, read_all, read_file
from replay.capture.verifying import verify

PIP = 'pip/24.0 {"cpu":"x86_64","python":"3.11.7"}'


def read(path: Path, assumed: Assumed | None = None) -> list[Found]:
    return list(read_file(path, assumed or Assumed()))


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "file"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("line", "url"),
    [
        ('192.0.2.7 - - [16/Apr/2018:17:00:00 +0200] "GET /a HTTP/1.1" 200 -', "http://pypi.test/a"),
        ('pypi.test:443 192.0.2.7 - - [16/Apr/2018:15:00:00 +0000] "GET /a HTTP/1.1" 200 5', "https://pypi.test/a"),
        ('192.0.2.7 - - [16/Apr/2018:08:00:00 -0700] "GET http://a.test/ HTTP/1.1" 200 5 "-" "x"', "http://a.test/"),
        ('192.0.2.7 - - [16/Apr/2018:15:00:00 +0000] "GET /a HTTP/1.1" 200 5 "-" "x" 0.003 more', "http://pypi.test/a"),
    ],
)
def test_lines_as_apache_and_others_write_them(tmp_path: Path, line: str, url: str) -> None:
    (found,) = read(written(tmp_path, line + "\n"))
    assert isinstance(found, Captured)
    assert (found.url, found.time, found.client) == (url, 1_523_890_800.0, "192.0.2.0")


OURS = {"time": 1523890800.25, "client": "192.0.2.7", "scheme": "https", "method": "GET", "host": "pypi.test"}
OURS |= {"path": "/simple/six/", "status": 200, "whole": True, "why": None, "rule": "simple", "arm": "modern"}
OURS |= {"backend": "modern", "fallback": None, "cache": "hit", "ms": 1.25, "user_agent": "pip/24.0"}


def test_an_access_log_of_the_edge_is_read(tmp_path: Path) -> None:
    refused = OURS | {"method": None, "path": None, "status": 400, "why": "bad_request", "rule": None}
    first, second = read(written(tmp_path, f"{json.dumps(OURS)}\n{json.dumps(refused)}\n"))
    assert first == Captured(
        1_523_890_800.25,
        "GET",
        "https://pypi.test/simple/six/",
        headers={"user-agent": "pip/24.0"},
        client="192.0.2.0",
        rule="simple",
        arm="modern",
        backend="modern",
        cache="hit",
        status=200,
        whole=True,
        ms=1.25,
    )
    assert isinstance(second, Skipped)


def test_keys_have_many_names(tmp_path: Path) -> None:
    """As Fastly's documentation has them, and others."""
    line = {
        "timestamp": "2018-04-16T15:00:00+0000",
        "client_ip": "2001:db8::7",
        "url": "/simple/six/?token=abc",
        "request_method": "GET",
        "request_user_agent": "pip/24.0",
        "request_referer": "",
        "response_status": "200",
        "response_body_size": 5,
        "time_elapsed": 1500,
        "host": "pypi.test",
    }
    other = {"ts": 1523890800.5, "request": "HEAD /a HTTP/1.1", "status": 304, "duration": 0.25}
    first, second = read(written(tmp_path, f"{json.dumps(line)}\n\n{json.dumps(other)}\n"))
    assert isinstance(first, Captured)
    assert (first.url, first.client, first.ms) == ("http://pypi.test/simple/six/?token=[hidden]", "2001:db8::", 1.5)
    assert (first.time, first.status, first.octets) == (1_523_890_800.0, 200, 5)
    assert isinstance(second, Captured)
    assert (second.method, second.url, second.time, second.ms) == ("HEAD", "http://pypi.test/a", 1_523_890_800.5, 250.0)


def test_newline_json_is_read_as_before(tmp_path: Path) -> None:
    lines = '{"method": "GET", "url": "https://pypi.test/a", "count": 3}\nnonsense\n{"method": "PUT"}\n'
    found = read(written(tmp_path, lines))
    assert found[0] == Captured(0.0, "GET", "https://pypi.test/a", count=3)
    assert [each.where for each in found if isinstance(each, Skipped)] == ["line 2", "line 3"]


def test_a_line_without_end_is_skipped_and_the_next_is_read(tmp_path: Path) -> None:
    line = '{"method": "GET", "url": "https://pypi.test/a"}\n'
    first, second, third = read(written(tmp_path, line + "x" * 3_000_000 + "\n" + line))
    assert isinstance(second, Skipped)
    assert first == third


def test_what_is_none_of_these_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"\x00\x01", b"hello\n", b'{"log": {"entries": 1}}'):
        with pytest.raises(Unreadable):
            read(written(tmp_path, content))


def test_a_capture_with_what_is_broken_tells_where(tmp_path: Path) -> None:
    blocks = [packed([record(1), record(2)]), packed([record(3)])]
    found = read(written(tmp_path, blocks[0] + blocks[1][:-1]))
    assert found[:2] == [record(1), record(2)]
    assert found[2] == Skipped(f"octet {len(blocks[0])}", "the file ends in a block", 1)


def test_a_directory_is_all_its_captures(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}{SUFFIX}").write_bytes(packed([record(number)]))
    assert [each.found for each in read_all([tmp_path], Assumed())] == [record(n) for n in range(3)]


# -- HAR ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("begun", [b"", b"\x5e", b"\x5e\x2a\x4d", b"\x28\xb5"])
def test_a_file_that_has_hardly_begun_costs_none_beside_it(tmp_path: Path, begun: bytes) -> None:
    """A full disk took nothing of it, or its worker was killed: the whole directory could not be read for it."""
    (tmp_path / f"a{SUFFIX}").write_bytes(begun)
    (tmp_path / f"b{SUFFIX}").write_bytes(packed([record(1)]))
    found = [each.found for each in read_all([tmp_path], Assumed())]
    assert [type(each) for each in found] == ([Skipped] if begun else []) + [Captured]
    (tmp_path / "log").write_bytes(begun)
    with pytest.raises(Unreadable):
        list(read_file(tmp_path / "log", Assumed()))


def test_connections_of_several_captures_are_told_apart(tmp_path: Path) -> None:
    """Each counts its own from 1; what a worker has written after another file of its capture goes on."""
    for number, capture in enumerate(("20180416T150000Z", "20180416T150000Z", "20180417T150000Z")):
        note = Packer().pack(object_of({NOTE: "begin", "capture": capture}) + b"\n", 0)
        (tmp_path / f"{number}{SUFFIX}").write_bytes(note + packed([record(1, connection="7-1")]))
    found = [each.found for each in read_all([tmp_path], Assumed())]
    assert [each.connection for each in found if isinstance(each, Captured)] == ["7-1", "7-1", "20180417T150000Z 7-1"]


def test_what_goes_out_as_har_comes_back(tmp_path: Path) -> None:
    records = [
        record(5, headers={"user-agent": PIP}, cache="hit", xmlrpc="search", sent=3),
        record(6, octets=None, digest=None, head_ms=None, credentials=("cookie",)),
        record(7, whole=False, why="backend_lost", credentials=("authorization", "cookie"), count=3),
        record(8, status=0, whole=False, octets=None, digest=None),
    ]
    path = written(tmp_path, "".join(har_of(records)))
    first, second, *others = read(path)
    assert [first, *others] == [records[0], *records[2:]]
    assert isinstance(second, Captured)
    assert second.credentials == ("cookie",)
    assert (second.url, second.octets, second.digest, second.ms) == (records[1].url, None, None, 2.25)
    har = json.loads(path.read_text())
    assert har["log"]["version"] == "1.2"
    assert har["log"]["entries"][0]["request"]["cookies"] == []


ENTRY = {
    "startedDateTime": "2018-04-16T15:00:00.123Z",
    "time": 12.5,
    "request": {
        "method": "GET",
        "url": "https://user:pass@pypi.test/a?token=abc#top",
        "headers": [{"name": "Cookie", "value": "session=abc"}, {"name": "Accept", "value": "*/*"}],
        "cookies": [{"name": "session", "value": "abc"}],
        "bodySize": 0,
        "postData": {"text": "password=abc"},
    },
    "response": {"status": 200, "headers": [], "content": {"size": 3, "text": "abc"}, "bodySize": -1},
    "timings": {"blocked": -1, "dns": 1, "connect": 2, "send": 0.5, "wait": 7, "receive": 2},
    "connection": "443",
}


def test_a_browsers_har_is_scrubbed_as_it_is_read(tmp_path: Path) -> None:
    entries = [ENTRY, {"request": 7}, ENTRY | {"startedDateTime": "yesterday"}]
    har = json.dumps({"log": {"version": "1.2", "creator": {}, "entries": entries}})
    first, second, third = read(written(tmp_path, "\ufeff" + har))
    assert isinstance(first, Captured)
    assert first.url == "https://[hidden]@pypi.test/a?token=[hidden]"
    assert (first.headers, first.credentials) == ({"accept": "*/*"}, ("cookie", "authorization"))
    assert (first.time, first.ms, first.head_ms, first.octets) == (1_523_890_800.123, 12.5, 10.5, None)
    assert "abc" not in repr(first)
    assert [each.where for each in (second, third) if isinstance(each, Skipped)] == ["entry 2", "entry 3"]


# -- packed by gzip -------------------------------------------------------------------------------------------------


def test_a_packed_har_is_read_as_another_one_is(tmp_path: Path) -> None:
    har = "".join(har_of([record(1)])).encode()
    assert read(written(tmp_path, gzip.compress(har))) == [record(1)]


def test_a_packed_capture_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress(packed([record(1)])))
    with pytest.raises(Unreadable, match="unpack it"):
        read(path)


def test_what_is_packed_is_not_said_to_be_clean(tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress(b'{"method": "GET", "url": "https://pypi.test/?token=hunter2hunter2"}'))
    assert [each.what for each in verify(path, [])] == ["it is packed by gzip, and is not looked at: unpack it"]
