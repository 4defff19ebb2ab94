"""Files that the real programs wrote (samples/README.md says how), each through its reader."""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from edgeproxy.capture.record import Captured, line_of
from edgeproxy.capture.safety import SafetyClass
from edgeproxy.capture.scanning import secrets_of
from replay.capture.found import Skipped, Unreadable
from replay.capture.reading import Assumed, read_file
from replay.capture.verifying import verify
from replay.capture.writing import write_records

SAMPLES = Path(__file__).parent / "samples"
ALL = sorted(each for each in SAMPLES.iterdir() if each.suffix != ".md")
PIP = 'pip/24.0 {"cpu":"x86_64","python":"3.11.7"}'
PLANTED = (b"hunter2", b"pypi-AgE", b"q8Zr3Vt6", b"X190b2tlbl9f")


def read(name: str, assumed: Assumed | None = None) -> tuple[list[Captured], list[Skipped]]:
    found = list(read_file(SAMPLES / name, assumed or Assumed()))
    records = [each for each in found if isinstance(each, Captured)]
    return records, [each for each in found if isinstance(each, Skipped)]


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_no_secret_of_a_sample_comes_through(path: Path, tmp_path: Path) -> None:
    records, _ = read(path.name)
    lines = b"".join(line_of(each) for each in records)
    assert records
    assert not [each for each in PLANTED if each in lines]
    assert not [secret for each in records for secret in secrets_of({"url": each.url, "headers": dict(each.headers)})]
    with (tmp_path / "all.capture").open("wb") as file:
        assert write_records(file, records) == len(records)
    assert not list(verify(tmp_path / "all.capture", [frozenset({each}) for each in PLANTED]))
    again = [each for each in read_file(tmp_path / "all.capture", Assumed()) if isinstance(each, Captured)]
    assert [(each.method, each.url, each.status) for each in again] == [
        (each.method, each.url, each.status) for each in records
    ]


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_whatever_is_broken_in_a_sample_is_told(path: Path, tmp_path: Path) -> None:
    whole, dice = path.read_bytes(), Random(path.name)
    for _ in range(60):
        octets = bytearray(whole)
        for _ in range(dice.randint(1, 8)):
            mutate(octets, dice)
        (tmp_path / path.name).write_bytes(octets)
        with suppress(Unreadable):
            list(read_file(tmp_path / path.name, Assumed()))


def mutate(octets: bytearray, dice: Random) -> None:
    at, length = dice.randrange(len(octets)), dice.randint(1, 100)
    match dice.randrange(3):
        case 0:
            octets[at] = dice.randrange(256)
        case 1:
            del octets[at : min(at + length, len(octets) - 1)]
        case _:
            octets[at:at] = octets[:length]


LOGS = ("nginx-combined", "nginx-json", "apache-combined", "apache-vhost-combined", "apache-json")


@pytest.mark.parametrize("name", LOGS)
def test_access_logs_are_read(name: str) -> None:
    """Of pip, a browser's user agent with quotes, a client with a password, a POST, what is no HTTP, one without a name."""
    records, skipped = read(f"{name}.log")
    assert [(each.method, each.url, each.status) for each in records] == [
        ("GET", "http://pypi.test/simple/six/", 200),
        ("GET", "http://pypi.test/search/?q=a%20b&token=[hidden]", 404),
        ("HEAD", "http://pypi.test/big", 200),
        ("POST", "http://pypi.test/legacy/", 404),
        ("GET", "http://pypi.test/none", 404),
    ]
    assert records[0].headers == {"user-agent": PIP}
    assert records[1].headers["referer"] == "https://pypi.test/search/?q=six"
    assert records[1].headers["user-agent"].endswith('"quoted" \\ back')
    assert records[4].headers == {}
    assert {each.client for each in records} == {"127.0.0.0"}
    assert {each.safety for each in records} == {SafetyClass.UNKNOWN}
    assert records[2].octets is None
    assert [each.where for each in skipped] == ["line 5"]
    assert all(1_795_671_690 <= each.time < 1_795_671_700 for each in records)


def test_a_common_log_says_less() -> None:
    records, skipped = read("apache-common.log", Assumed("https", "files.pypihosted.test"))
    assert [each.url for each in records][:2] == [
        "https://files.pypihosted.test/simple/six/",
        "https://files.pypihosted.test/search/?q=a%20b&token=[hidden]",
    ]
    assert not any(each.headers for each in records)
    assert len(skipped) == 1


def test_a_combined_log_tells_who_had_a_name() -> None:
    records, _ = read("nginx-combined.log", Assumed("https", "files.pypihosted.test"))
    assert (records[2].credentials, records[2].url) == (("authorization",), "https://files.pypihosted.test/big")


def test_nginx_tells_milliseconds_and_how_long_it_took() -> None:
    records, _ = read("nginx-json.log")
    assert (records[0].time, records[0].ms) == (1_795_671_694.609, 0.0)


def test_apaches_times_are_microseconds() -> None:
    records, _ = read("apache-json.log")
    assert (records[0].ms, records[0].octets) == (pytest.approx(0.205), 3)


def test_what_fastly_documents_is_read() -> None:
    records, skipped = read("fastly-json.log")
    assert not skipped
    assert [(each.method, each.url, each.status, each.time, each.ms) for each in records] == [
        ("GET", "https://pypi.test/simple/six/?token=[hidden]", None, 1_523_890_800.0, 1.5),
        ("GET", "http://files.pypihosted.test/packages/six.whl", 200, 1_523_890_801.0, None),
        ("HEAD", "http://pypi.test/pypi/six/json", 304, 1_523_890_802.25, 50.0),
    ]
    assert records[1].octets == 10_702
    assert [each.client for each in records] == ["192.0.2.0", "2001:db8::", "192.0.2.0"]


# -- mitmproxy ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("release", ["7.0.4", "9.0.1", "10.4.2"])
def test_flows_of_earlier_releases_are_read(release: str) -> None:
    records, skipped = read(f"mitmproxy-{release}.mitm")
    assert not skipped
    assert [(each.method, each.url, each.status) for each in records[:4]] == [
        ("GET", "https://pypi.test/simple/six/", 200),
        ("GET", "https://pypi.test/cached", 304),
        ("HEAD", "https://files.pypihosted.test/old?token=[hidden]", 301),
        ("GET", "http://pypi.test/simple/six/", 200),
    ]
    assert (records[4].url, [each.whole for each in records]) == ("http://pypi.test/broken", [True] * 4 + [False])
    assert records[0].headers["user-agent"] == PIP
    assert [each.credentials for each in records[:3]] == [("authorization",), ("authorization",), ()]
    assert records[0].connection == records[1].connection
    assert len({each.connection for each in records}) == 3
    assert {each.client for each in records} == {"127.0.0.0"}


def test_flows_of_mitmproxy_are_read() -> None:
    records, skipped = read("mitmproxy-11.0.2.mitm")
    assert not skipped
    assert [(each.method, each.url, each.status) for each in records[:8]] == [
        ("GET", "https://pypi.test/simple/six/", 200),
        ("GET", "https://pypi.test/simple/six/", 200),
        ("GET", "https://pypi.test/cached", 304),
        ("GET", "https://pypi.test/search/?q=a%20b&token=[hidden]", 200),
        ("POST", "https://upload.pypi.test/legacy/", 200),
        ("HEAD", "https://files.pypihosted.test/old", 301),
        ("GET", "https://pypi.test/stream", 200),
        ("GET", "https://pypi.test/none", 404),
    ]
    assert records[0].octets == 66  # packed, as it went over the wire
    assert records[1].digest == sha256(b'<!DOCTYPE html><a href="/files/six.whl">six</a>\n').hexdigest()
    assert records[3].headers["referer"] == "https://pypi.test/page?token=[hidden]"
    assert [each.credentials for each in records[:4]] == [(), ("authorization",), ("authorization",), ("cookie",)]
    assert (records[4].sent, records[5].octets, records[5].digest) == (45, None, None)
    assert (records[6].octets, records[6].digest) == (3, sha256(b"ok\n").hexdigest())
    assert all(each.head_ms is not None and each.ms is not None and each.ms >= each.head_ms for each in records[:9])
    assert [each.whole for each in records] == [True] * 9 + [False]


def test_the_same_exchanges_as_mitmproxys_har() -> None:
    flows, hars = read("mitmproxy-11.0.2.mitm")[0][:5], read("mitmproxy-11.0.2.har")[0]
    for flow, har in zip(flows, hars, strict=True):
        assert (flow.method, flow.target, flow.status, flow.headers) == (
            har.method,
            har.target,
            har.status,
            har.headers,
        )
        assert flow.credentials == har.credentials
        assert flow.time == pytest.approx(har.time, abs=1e-5)


# -- others ---------------------------------------------------------------------------------------------------------


def test_a_browsers_har_is_read() -> None:
    records, skipped = read("chromium-playwright.har")
    assert not skipped
    assert [(each.url, each.status) for each in records] == [
        ("http://pypi.test/page?token=[hidden]", 200),
        ("http://pypi.test/static/a.css", 200),
        ("http://pypi.test/static/b.svg", 200),
        ("http://pypi.test/simple/six/", 200),
        ("http://pypi.test/old", 301),
        ("http://pypi.test/simple/six/", 200),
    ]
    assert records[1].headers["referer"] == "http://pypi.test/page?token=[hidden]"
    assert [each.credentials for each in records] == [(), *[("cookie",)] * 5]
    assert all("HeadlessChrome/156" in each.headers["user-agent"] for each in records)


def test_payloads_of_goreplay_are_read() -> None:
    records, skipped = read("goreplay.gor", Assumed("https"))
    assert not skipped
    assert [(each.method, each.url, each.status, each.whole, each.octets) for each in records] == [
        ("GET", "https://pypi.test/simple/six/", 200, True, 66),
        ("GET", "https://pypi.test/cached", 304, True, 0),
        ("GET", "https://pypi.test/search/?q=a%20b&token=[hidden]", 200, True, 3),
        ("POST", "https://upload.pypi.test/legacy/", 200, True, 3),
        ("HEAD", "https://files.pypihosted.test/old", 301, True, None),
        ("GET", "https://pypi.test/stream", 200, True, 3),
        ("GET", "https://pypi.test/broken", 200, False, None),
    ]
    assert records[0].headers["user-agent"] == PIP
    assert [each.credentials for each in records[:3]] == [("authorization",), ("authorization",), ("cookie",)]
    assert records[3].sent == 45
    assert records[5].digest == sha256(b"ok\n").hexdigest()
    assert records[0].time == pytest.approx(1_795_671_696.084748)
    assert (records[0].head_ms, records[0].ms) == pytest.approx((3.196863, 3.196863))
