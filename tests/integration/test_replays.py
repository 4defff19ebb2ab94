"""Replays of real sessions, and of what is planted in them, against the bundled sites: `edgeproxy replay` as a user has it."""

from __future__ import annotations

import subprocess
import sys
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from captures import packed, record
from packages import wheel
from replaying import TOKEN, Sites, replay, telling_sites
from system import ROOT, TRUSTED, System

from edgeproxy.capture.record import Captured
from edgeproxy.cli.demo_processes import Processes
from edgeproxy.control.control_client import ask
from replay.capture.found import Skipped
from replay.capture.reading import Assumed, read_all

pytestmark = [pytest.mark.slow, pytest.mark.clients, pytest.mark.timeout(600)]

BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Sec-Fetch-Mode": "navigate",
}
OLD_LINK = "/packages/source/s/six/six-1.17.0.tar.gz"
PAGES = ("/", "/project/six/", "/project/jinja2/", "/static/site.css", "/search/?q=http", "/pypi/idna/json", "/nothing")
WANTED = ("jinja2", "six", "packaging", "attrs", "wheel", "yarl")


@dataclass(frozen=True)
class Recorded:
    """Sessions of real clients, as an edge has recorded them."""

    directory: Path
    records: list[Captured]

    @property
    def safe(self) -> list[Captured]:
        """Those that may be sent again, as a reader of the rules would say: the demo's rules declare nothing."""
        return [each for each in self.records if each.method in ("GET", "HEAD") and not each.credentials]


@pytest.fixture(scope="module")
def recorded(seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    place = tmp_path_factory.mktemp("recorded")
    control, captures = place / "control", place / "captures"
    with telling_sites(seeded, place) as sites, edge_before(sites, "--control", control) as edge:
        told(control, "start", directory=str(captures))
        system = System("2-split-simple", edge, place / "none")
        sessions(system, place)
        browse(edge)
        told(control, "stop")
    found = [each.found for each in read_all([captures], Assumed())]
    assert not [each for each in found if isinstance(each, Skipped)]
    return Recorded(captures, [each for each in found if isinstance(each, Captured)])


@contextmanager
def edge_before(sites: Sites, *more: object) -> Iterator[str]:
    """Its URL. Nothing is compressed: whether a copy is by the time that it is asked for is the machine's business."""
    rules = sites.place / "rules.yaml"
    text = (ROOT / "rules" / "demo" / "2-split-simple.yaml").read_text()
    for said in (", compress: [br, zstd, gzip]", "      compress: [br, zstd, gzip]\n"):
        text = text.replace(said, "")
    rules.write_text(text)
    backends = (f"legacy={sites.legacy}", f"modern={sites.modern}", f"store={sites.place / 'store' / 'files'}")
    with Processes() as processes:
        yield processes.start(
            "edge",
            *("edgeproxy", "run", rules, "--listen", "127.0.0.1:0"),
            *(part for backend in backends for part in ("--backend", backend)),
            *("--workers", "1", *map(str, more)),
        )


def told(control: Path, verb: str, **words: object) -> None:
    list(ask(control, [{"do": "capture", "verb": verb, **words}]))


def sessions(system: System, place: Path) -> None:
    """Of pip, uv and twine, which know nothing of it."""
    index = ("--index-url", "http://pypi.test/simple/")
    name, content = wheel("uploaded-while-recorded", "1.0")
    (place / name).write_bytes(content)
    uv = str(Path(sys.executable).parent / "uv")
    for command in (
        (sys.executable, "-m", "pip", "download", "--dest", "d", *WANTED, *index),
        (uv, "pip", "install", "--python", sys.executable, "--target", "t", *WANTED, *index),
        (
            *(sys.executable, "-m", "twine", "upload", "--non-interactive", "--disable-progress-bar"),
            *("-u", "__token__", "-p", TOKEN, "--repository-url", "http://upload.pypi.test/legacy/", name),
        ),
    ):
        environment = system.environment(place)
        done = subprocess.run(command, env=environment, cwd=place, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def browse(edge: str) -> None:
    """A browser's pages over one connection; and one with the cookie of somebody."""
    address = urlsplit(edge)
    connection = HTTPConnection(str(address.hostname), address.port or 80)
    for path in (*PAGES, OLD_LINK):
        connection.request("GET", path, headers={"Host": "pypi.test", **BROWSER})
        connection.getresponse().read()
    connection.request("GET", "/", headers={"Host": "pypi.test", **BROWSER, "Cookie": "session=hunter2-and-more"})
    connection.getresponse().read()
    connection.close()


def test_the_recording_holds_what_all_of_them_did(recorded: Recorded) -> None:
    agents = Counter(each.headers.get("user-agent", "").partition("/")[0] for each in recorded.records)
    assert set(agents) == {"pip", "uv", "twine", "Mozilla"}
    assert Counter(each.method for each in recorded.records)["POST"] == 1
    assert {each.authority for each in recorded.records} <= {*TRUSTED, "upload.pypi.test"}
    assert len(recorded.safe) == len(recorded.records) - 2  # the upload, and what had a cookie


@pytest.mark.parametrize(("name", "speed"), [("legacy", 10), ("modern", 1)])
def test_sessions_of_real_clients_are_replayed_and_counts_match(
    recorded: Recorded, seeded: Path, tmp_path: Path, name: str, speed: int
) -> None:
    with telling_sites(seeded, tmp_path) as sites:
        url = sites.legacy if name == "legacy" else sites.modern
        serial = f"{sites.legacy}/serial"
        html = tmp_path / "report.html"
        found = replay(
            *(tmp_path, recorded.directory, "--to", url, "--speed", speed, "--writes-url", serial, "--html", html)
        )
    assert found.status == 0, found.out + found.err
    report, to, safe = found.report, found.to, recorded.safe
    assert report["recorded"]["requests"] == len(recorded.records)
    assert report["recorded"]["refused"] == {"unsafe": 1, "credentials": 1}
    shapes = [(each["why"], each["method"]) for each in report["recorded"]["refused_shapes"]]
    assert sorted(shapes) == [("credentials", "GET"), ("unsafe", "POST")]
    assert to["intended"] == to["sent"] == to["answered"] == len(safe)
    assert sum(to["statuses"].values()) == len(safe)
    assert Counter({each["shape"]: each["sent"] for each in to["shapes"]}) == Counter(
        f"{each.rule}: {each.shape}" for each in safe
    )
    assert to["connections"] - to["resent"] >= len({each.connection for each in safe})
    assert (report["written"], to["telling_writes"]) == ("", len(safe))
    assert to["corrected"]["count"] == to["timing"]["count"] + to["waited"]["count"] == len(safe)
    times = sorted(each.time for each in safe)
    due = (times[-1] - times[0]) / speed
    assert to["seconds"] >= due
    assert sum(to["timeline"]["intended"]) == len(safe)
    assert "Nothing: all" not in html.read_text()
    assert "<script" not in html.read_text()
    for secret in ("hunter2", TOKEN):
        assert secret not in found.out + found.err + html.read_text() + (tmp_path / "report.json").read_text()


# -- both sites, compared by the rules that say what is known to differ ------------------------------------------------

KNOWN = ROOT / "rules" / "compare" / "legacy-to-modern.yaml"
FAULTS = {
    "simple/six missing": ("simple", "status changed", "status/200/404"),
    "simple/packaging without=requires-python kept": ("simple", "missing", "index:/files/*/requires-python"),
    "simple/attrs hang": ("simple", "no answer", "answer:new/timeout"),
    "simple/wheel reset": ("simple", "no answer", "answer:new/broken"),
    "simple/yarl error=503": ("simple", "status changed", "status/200/503"),
    "json/idna wrong-hash kept": ("json", "changed", "json:/urls/*/digests/sha256"),
    "files/six redirect=host-loop": ("files", "changed", "file:/host/legacy.pypi.test"),  # April 16th, 2018
}
BESIDE = {  # a hash has several names
    ("json", "changed", f"json:/{files}/{name}")
    for files in ("urls/*", "releases/*/*")
    for name in ("md5_digest", "digests/md5", "digests/sha256")
}


def fault_of(record: Captured) -> str:
    """What was planted where it asks; "": nothing."""
    parts = record.target.partition("?")[0].split("/")
    place = {"simple": "simple", "pypi": "json", "packages": "files"}.get(parts[1], "")
    project = parts[-1].partition("-")[0] if place == "files" else parts[2] if place else ""
    return next((fault for fault in FAULTS if fault.partition(" ")[0] == f"{place}/{project}"), "")


@pytest.mark.parametrize("speed", [1, 10])
def test_of_real_sessions_what_is_planted_is_reported_and_nothing_else(
    recorded: Recorded, seeded: Path, tmp_path: Path, speed: int
) -> None:
    """What was asked of the content host is asked of neither site: no rule takes it."""
    asked = [each for each in recorded.safe if each.authority != "files.pypihosted.test"]
    with telling_sites(seeded, tmp_path) as sites:
        command = ("--to", sites.modern, "--against", sites.legacy, "--rules", KNOWN, "--speed", speed)
        same = replay(tmp_path, recorded.directory, *command)
        sites.plant(*FAULTS)
        other = replay(tmp_path, recorded.directory, *command, "--timeout", "4s", "--html", tmp_path / "r.html")
    for found in (same, other):
        elsewhere = {"unknown": len(recorded.safe) - len(asked)} if len(asked) < len(recorded.safe) else {}
        assert found.report["recorded"]["refused"] == {"unsafe": 1, "credentials": 1} | elsewhere, found.out + found.err
        assert found.report["written"] == ""
        for side in found.report["targets"]:
            assert side["intended"] == side["sent"] == len(asked), found.out
            assert side["answered"] + sum(side["failed"].values()) == len(asked)
        assert (found.report["compared"]["compared"], found.report["compared"]["not_compared"]) == (len(asked), {})
    assert (same.status, same.report["compared"]["different"]) == (0, 0), same.out + same.err
    assert "nothing differs" in same.out
    planted = Counter(filter(None, map(fault_of, asked)))
    assert set(planted) == set(FAULTS)
    assert (other.status, other.report["compared"]["different"]) == (1, planted.total()), other.out
    differing = counts(other.report["compared"])
    assert set(differing) == set(FAULTS.values()) | BESIDE
    for fault, mark in FAULTS.items():
        assert differing[mark] == planted[fault], (fault, other.out)
    page = (tmp_path / "r.html").read_text()
    assert all(pattern in page for _, _, pattern in FAULTS.values())


def found_in(compared: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for group in compared["groups"] for each in group["differences"]]


Mark = tuple[str, str, str]  # rule, kind, pattern


def counts(compared: dict[str, Any]) -> Counter[Mark]:
    """How many answers differ so."""
    found: Counter[Mark] = Counter()
    for group in compared["groups"]:
        for each in group["differences"]:
            found[group["rule"], each["kind"], each["pattern"]] += each["count"]
    return found


def test_what_was_recorded_is_compared_by_status_size_and_digest(
    recorded: Recorded, seeded: Path, tmp_path: Path
) -> None:
    """By an edge under the same rules: backends give the same content without its coding."""
    only = tmp_path / "pages.capture"
    pages = [each for each in recorded.safe if each.target.startswith(("/project/", "/static/", "/simple/jinja2"))]
    assert len([each for each in pages if each.digest]) >= 4
    only.write_bytes(packed(pages))
    with telling_sites(seeded, tmp_path) as sites, edge_before(sites) as edge:
        same = replay(tmp_path, only, "--to", edge, "--against", "recording")
        sites.plant("page/six missing")
        stale = replay(tmp_path, only, "--to", sites.modern, "--against", "recording")
    assert (same.status, same.report["compared"]["different"]) == (0, 0), same.out
    assert same.report["compared"]["compared"] == len(pages)
    assert stale.status == 1
    missing = {(each["pattern"], each["examples"][0]["target"]) for each in found_in(stale.report["compared"])}
    assert ("status/200/404", "/project/six/") in missing


# -- the tripwire -----------------------------------------------------------------------------------------------------


def declared_safe(place: Path, **more: object) -> Path:
    """A capture with what its rule had wrongly declared safe, between what only reads."""
    capture = place / "wrong.capture"
    reads = [record(number, url="http://pypi.test/simple/six/") for number in range(0, 20_000, 20)]
    capture.write_bytes(packed([*reads[:10], record(500, **more), *reads[10:]]))
    return capture


def test_a_get_that_writes_fails_the_run_at_once_on_the_old_site(seeded: Path, tmp_path: Path) -> None:
    capture = declared_safe(tmp_path, url="http://pypi.test/pypi?:action=purge&project=six")
    with telling_sites(seeded, tmp_path) as sites:
        found = replay(tmp_path, capture, "--to", sites.legacy)
    assert found.status == 1
    assert "FAILED: something was written: GET http://pypi.test/pypi?:action=purge&project=six" in found.out
    assert found.to["intended"] < 500  # of 1,001
    assert found.report["whole"] is False


def test_a_post_that_writes_fails_the_run_at_once_on_the_new_site(seeded: Path, tmp_path: Path) -> None:
    capture = declared_safe(tmp_path, method="POST", url="http://pypi.test/api/stages/", sent=0)
    credentials = b64encode(f"__token__:{TOKEN}".encode()).decode()
    with telling_sites(seeded, tmp_path) as sites:
        found = replay(tmp_path, capture, "--to", sites.modern, "--header", f"Authorization: Basic {credentials}",
                       "--trust-recorded")  # fmt: skip
    assert (found.status, found.to["intended"] < 500) == (1, True)
    assert "something was written: POST http://pypi.test/api/stages/" in found.out
    assert credentials not in found.out + found.err


def test_a_page_that_says_another_serial_fails_the_run_too(seeded: Path, tmp_path: Path) -> None:
    path = "/api/projects/six/releases/1.17.0/yank"
    capture = declared_safe(tmp_path, method="PUT", url=f"http://pypi.test{path}", body="{}", sent=2)
    credentials = b64encode(f"__token__:{TOKEN}".encode()).decode()
    with telling_sites(seeded, tmp_path) as sites:
        own = ("--to", sites.modern, "--header", f"Authorization: Basic {credentials}", "--trust-recorded")
        page = ("--writes-url", f"{sites.modern}/simple/", "--writes-header", "X-Nobody-Says-So")
        found = replay(tmp_path, capture, *own, *page)
    assert found.status == 1, found.out + found.err
    assert f"something was written: {sites.modern}/simple/ said '" in found.out
    assert found.to["intended"] < 500


def test_what_is_to_tell_of_writes_and_does_not_answer_is_told_before_anything_is_sent(
    seeded: Path, tmp_path: Path
) -> None:
    with telling_sites(seeded, tmp_path) as sites:
        found = replay(
            *(tmp_path, declared_safe(tmp_path, url="http://pypi.test/simple/six/"), "--to", sites.legacy),
            *("--writes-url", f"{sites.legacy}/nothing-there"),
        )
    assert (found.status, found.report) == (2, {})
    assert "/nothing-there: it says 404" in found.err
