"""Files of GoReplay: what belongs together, and what is broken."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import pytest

from edgeproxy.capture.record import Captured
from replay.capture import gor
from replay.capture.found import Found, Skipped
from replay.capture.reading import Assumed, read_file
from replay.capture.recorded import Recorded, is_recorded

END = "\n🐵🙈🙉\n".encode()
ASKED = b"GET /%b HTTP/1.1\r\nHost: pypi.test\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def payload(kind: int, name: bytes, octets: bytes, time: int = 1_000_000_000, took: bytes = b" 2000000") -> bytes:
    return b"%d %b %d%b\n%b%b" % (kind, name, time, took, octets, END)


def read(tmp_path: Path, content: bytes) -> list[Found]:
    (tmp_path / "file").write_bytes(content)
    return list(read_file(tmp_path / "file", Assumed()))


def records(found: list[Found]) -> list[Captured]:
    return [each for each in found if isinstance(each, Captured)]


def test_a_request_and_its_answer_are_one_record(tmp_path: Path) -> None:
    content = payload(1, b"a", ASKED % b"a") + payload(1, b"b", ASKED % b"b", took=b"")
    content += payload(2, b"b", ANSWER, 1_500_000_000, b" -1") + payload(2, b"a", ANSWER, 1_250_000_000)
    b, a = records(read(tmp_path, content))
    assert (b.url, b.status, b.time, b.head_ms, b.ms) == ("http://pypi.test/b", 200, 1.0, 500.0, None)
    assert (a.url, a.octets, a.head_ms, a.ms) == ("http://pypi.test/a", 2, 250.0, 252.0)


def test_a_replayed_answer_counts_where_there_is_no_other(tmp_path: Path) -> None:
    gone = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"
    content = payload(1, b"a", ASKED % b"a") + payload(3, b"a", gone) + payload(2, b"a", ANSWER)
    content += payload(3, b"a", gone) + payload(1, b"b", ASKED % b"b") + payload(3, b"b", gone)
    a, b = records(read(tmp_path, content))
    assert (a.status, b.status, b.head_ms, b.ms) == (200, 410, None, 2.0)


def test_requests_alone_have_no_answers(tmp_path: Path) -> None:
    first, second = records(read(tmp_path, payload(1, b"a", ASKED % b"a") + payload(1, b"a", ASKED % b"b")))
    assert (first.target, second.target, first.status, first.whole) == ("/a", "/b", None, None)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (payload(2, b"x", ANSWER), "its request is not here"),
        (payload(1, b"x", b"nonsense"), "request line"),
        (payload(1, b"x", b"GET / HTTP/1.1\r\nno field\r\n\r\n"), "no field"),
        (payload(1, b"x", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), "no http or https URL"),
        (b"4 x 1\n" + END, "kind id time took"),
        (b"" + END, "kind id time took"),
    ],
)
def test_what_is_broken_costs_itself(tmp_path: Path, broken: bytes, why: str) -> None:
    found = read(tmp_path, payload(1, b"a", ASKED % b"a") + broken + payload(2, b"a", ANSWER))
    (skipped,) = [each for each in found if isinstance(each, Skipped)]
    assert (skipped.where, why in skipped.why) == ("payload 2", True)
    assert [each.status for each in records(found)] == [200]


def test_a_body_may_hold_what_looks_like_a_line_of_monkeys(tmp_path: Path) -> None:
    body = "a🐵🙈🙉\n".encode()
    asked = b"POST / HTTP/1.1\r\nHost: pypi.test\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    (found,) = records(read(tmp_path, payload(1, b"a", asked)))
    assert found.sent == len(body)


def test_a_payload_that_is_too_large_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gor, "LARGEST", 1_000)
    found = read(tmp_path, payload(1, b"x", ASKED % (b"y" * 200_000)) + payload(1, b"a", ASKED % b"a"))
    assert isinstance(found[0], Skipped)
    assert found[0].why == "it is of more than 1000 octets"
    assert [each.target for each in records(found)] == ["/a"]


def test_of_many_that_wait_the_first_goes_on_without_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gor, "_MOST_WAITING", 2)
    content = b"".join(payload(1, b"%d" % number, ASKED % b"%d" % number) for number in range(5))
    assert [each.target for each in records(read(tmp_path, content))] == [f"/{number}" for number in range(5)]


# -- packed ---------------------------------------------------------------------------------------------------------


def test_one_that_is_packed_is_read(tmp_path: Path) -> None:
    members = [payload(1, b"a", ASKED % b"a"), payload(2, b"a", ANSWER) + payload(1, b"b", ASKED % b"b")]
    found = read(tmp_path, b"".join(gzip.compress(each) for each in members))
    assert [(each.target, each.status) for each in records(found)] == [("/a", 200), ("/b", None)]


def test_one_that_is_torn_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """As goreplay leaves it when it is killed: it flushes each second, and writes no end."""
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(payload(1, b"a", ASKED % b"a")) + packer.flush(zlib.Z_SYNC_FLUSH)
    first, second = read(tmp_path, packed)
    assert isinstance(first, Captured)
    assert second == Skipped("its end", "what is packed by gzip is torn or altered there: what follows is lost", None)


def test_a_log_that_was_packed_is_read_wherever_captures_are(tmp_path: Path) -> None:
    path = tmp_path / "access.log.1.gz"
    path.write_bytes(gzip.compress(b'{"method": "GET", "url": "https://pypi.test/a"}\n' * 3))
    assert is_recorded(path)
    assert len(list(Recorded(path).lines())) == 3
