"""What is counted while requests are sent: histograms, moments, what heads say."""

from __future__ import annotations

from random import Random

import pytest

from replay.planned import Planned
from replay.sending.histogram import Histogram, bucket_of, least_of, middle_of
from replay.sending.outcome import MOST_LABELS, OTHER, Outcome
from replay.sending.said import kept_of, line_start, writes_of
from replay.sending.target import BadTarget, Target
from replay.sending.timeline import MOST, Timeline
from replay.sending.wire import Unsendable, Writer, check, server_name

WRITES = line_start("Backend-Writes")


def test_a_bucket_is_within_a_thousandth_of_all_in_it() -> None:
    dice = Random(1)
    for _ in range(5_000):
        seconds = 10 ** dice.uniform(-6, 4)
        bucket = bucket_of(seconds)
        assert least_of(bucket) <= seconds + 1e-12 < least_of(bucket + 1) + 1e-6
        if seconds > 0.001:
            assert abs(middle_of(bucket) - seconds) / seconds < 0.001
    assert bucket_of(-1) == 0
    assert bucket_of(1e9) == bucket_of(1e8)


def test_noting_is_what_buckets_say() -> None:
    dice = Random(2)
    times = [10 ** dice.uniform(-6, 2) for _ in range(2_000)]
    histogram = Histogram()
    for each in times:
        histogram.note(each)
    for each in times:
        assert histogram.counts[bucket_of(each)] > 0
    exact = sorted(times)
    for share in (0.5, 0.9, 0.99, 0.999):
        found = histogram.quantile(share)
        assert found is not None
        assert found == pytest.approx(exact[max(0, round(share * len(exact)) - 1)], rel=0.02)
    assert histogram.quantile(1.0) == pytest.approx(max(times), rel=0.001)
    assert histogram.mean == pytest.approx(sum(times) / len(times))
    assert Histogram().quantile(0.5) is None


def test_histograms_of_two_are_the_histogram_of_all() -> None:
    dice = Random(3)
    times = [dice.expovariate(10) for _ in range(1_000)]
    whole, left, right = Histogram(), Histogram(), Histogram()
    for number, each in enumerate(times):
        whole.note(each)
        (left if number % 3 else right).note(each)
    left.add(right)
    assert (left.counts, left.total, left.most) == (whole.counts, whole.total, whole.most)
    *_, last = left.percentiles()
    assert last[1:] == (1.0, 1_000)


def test_a_long_run_has_no_more_moments_than_a_plot_can_show() -> None:
    line = Timeline(width=0.25)
    for number in range(10_000):
        moment = line.at(number)
        moment.sent += 1
        moment.corrected = max(moment.corrected, number / 10_000)
    assert len(line.moments) <= MOST
    assert line.width >= 10_000 / MOST
    assert sum(each.sent for each in line.moments) == 10_000
    assert line.moments[-1].corrected == pytest.approx(0.9999)
    assert line.at(-0.1) is line.moments[0]


def test_labels_have_a_bound() -> None:
    outcome = Outcome(0.0)
    for number in range(MOST_LABELS + 50):
        outcome.label(f"/{number}").sent += 1
    assert len(outcome.labels) == MOST_LABELS + 1
    assert outcome.labels[OTHER].sent == 50


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("Cache-Status: edgeproxy; hit; ttl=593", "hit"),
        ("cache-status: edgeproxy;hit", "hit"),
        ("Cache-Status: edgeproxy; fwd=miss; stored", "miss"),
        ('Cache-Status: a; fwd=stale; detail="x; hit"', "miss"),
        ("Cache-Status: near; fwd=miss, far; hit", "miss"),
        ("Cache-Status: edgeproxy; hits=4", "miss"),
        ("X-Cache: HIT", None),
    ],
)
def test_whether_an_answer_came_from_a_cache(line: str, kept: str | None) -> None:
    assert kept_of(f"HTTP/1.1 200 OK\r\nDate: x\r\n{line}\r\n".lower().encode()) == kept


@pytest.mark.parametrize(
    ("value", "writes"),
    [
        *[("0", 0), ("17", 17), ("yes", 1), ("", 1), ("-1", 1)],
        *[("0, 0", 0), ("0, 1", 1), ("2,3", 5)],
        *[("0\r\nbackend-writes: 0", 0), ("0\r\nx: 1\r\nbackend-writes: 1", 1), ("1\r\nbackend-writes: 0", 1)],
    ],
)
def test_how_much_was_written(value: str, writes: int) -> None:
    assert writes_of(f"http/1.1 200 ok\r\nbackend-writes: {value}\r\n".encode(), WRITES) == writes
    assert writes_of(b"http/1.1 200 ok\r\nx: 1\r\n", WRITES) is None


@pytest.mark.parametrize(("end", "writes"), [("1", 1), (" 0", 0), ("", 1), (" 0\r\nbackend-writes: 2", 2), (" 1\r", 1)])
def test_how_much_was_written_by_a_head_that_breaks_off(end: str, writes: int) -> None:
    assert writes_of(f"http/1.1 200 ok\r\nbackend-writes:{end}".encode(), WRITES) == writes


def test_a_request_as_octets() -> None:
    writer = Writer()
    planned = Planned(0, "", "GET", "http://pypi.test:81/a?b=c", (("Accept", "*/*"), ("X", "é")))
    expected = "GET /a?b=c HTTP/1.1\r\nHost: pypi.test:81\r\nAccept: */*\r\nX: é\r\n\r\n".encode()
    assert writer.octets(planned) == writer.octets(planned) == expected
    post = Planned(0, "", "POST", "http://pypi.test", (), b"body")
    assert writer.octets(post) == b"POST / HTTP/1.1\r\nHost: pypi.test\r\nContent-Length: 4\r\n\r\nbody"
    assert writer.octets(Planned(0, "", "POST", "http://pypi.test?a", ())).endswith(b"Content-Length: 0\r\n\r\n")
    assert b"user" not in writer.octets(Planned(0, "", "GET", "http://user:pass@pypi.test/"))


@pytest.mark.parametrize(
    ("method", "url", "headers"),
    [
        ("GET", "ftp://pypi.test/", ()),
        ("GET", "http://pypi.test/a b", ()),
        ("GET", "http://pypi.test/\r\nX: 1", ()),
        ("G T", "http://pypi.test/", ()),
        ("GET", "http://pypi.test/", (("A", "b\nc"),)),
        ("GET", "http://pypi.test/", (("A b", "c"),)),
        ("GET", "http://pypi.test/", (("Host", "other.test"),)),
        ("GET", "http://pypi.test/", (("Transfer-Encoding", "chunked"),)),
    ],
)
def test_what_would_be_no_request_or_two_is_not_written(
    method: str, url: str, headers: tuple[tuple[str, str], ...]
) -> None:
    with pytest.raises(Unsendable):
        Writer().octets(Planned(0, "", method, url, headers))


@pytest.mark.parametrize(
    ("authority", "name"),
    [
        *[("pypi.test", "pypi.test"), ("pypi.test:8443", "pypi.test"), ("bücher.test", "bücher.test")],
        *[("user:pass@pypi.test", "pypi.test"), ("[::1]", "::1"), ("[::1]:443", "::1")],
    ],
)
def test_the_name_that_tls_asks_for(authority: str, name: str) -> None:
    assert server_name(authority) == name


@pytest.mark.parametrize("host", ["a..b", ".foo", "a" * 64, "é" * 70, ".".join(["a" * 60] * 5), ":80"])
def test_a_host_that_tls_cannot_ask_for_is_sendable_without_it(host: str) -> None:
    url = f"https://{host}/"
    check("GET", url, ())
    with pytest.raises(Unsendable, match="no name that TLS can ask for"):
        check("GET", url, (), by_tls=True)


def test_targets() -> None:
    target = Target.of("http://127.0.0.1:8080/")
    assert (target.host, target.port, target.tls, str(target)) == ("127.0.0.1", 8080, None, "http://127.0.0.1:8080")
    assert str(Target.of("https://[::1]")) == "https://[::1]"
    assert Target.of("http://pypi.test").port == 80
    for text in ("127.0.0.1:80", "http://", "http://a/b", "ftp://a", "http://u@a", "http://a:99999", "http://a?b"):
        with pytest.raises(BadTarget):
            Target.of(text)
