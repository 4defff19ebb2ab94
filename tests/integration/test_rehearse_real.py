"""What a rehearsal takes for walked: what is there, and what is really answered."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xmlrpc.client import dumps

import pytest
from rehearsed_sites import Site, both_sites, codes, read

from edgeproxy.capture.record import Captured
from edgeproxy.capture.safety import SafetyClass
from edgeproxy.cli.main import main
from replay.capture.writing import write_records

UNKNOWN = """edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
backends:
  legacy: {url: "http://127.0.0.1:1", host: legacy.pypi.test}
  modern: {url: "http://127.0.0.1:1", host: pypi.test}
cutovers: {reads: {from: legacy, to: modern, steps: [10, 100], hold: 1h, rehearsed: {within: 1h}}}
rules:
  - name: simple
    match: {host: app, path: "/simple/{project}/", methods: [GET, HEAD]}
    forward: {cutover: reads}
  - name: json
    match: {host: app, path: "/pypi/{project}/json", methods: [GET, HEAD]}
    forward: {cutover: reads}
"""


@pytest.fixture(scope="module")
def site(seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with both_sites(seeded, tmp_path_factory.mktemp("rehearse")) as found:
        yield found


def test_who_has_walked_nothing_real_has_not_rehearsed(
    site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Four walks of made-up paths, each 404, had passed, and a cutover was started by that."""
    rules, state, backends = tmp_path / "rules.yaml", tmp_path / "state", site.at("legacy", "modern")
    rules.write_text(UNKNOWN)
    control = str(tmp_path / "control")
    site.processes.start("unknown", "edgeproxy", "run", rules, *backends, "--state", str(state), "--control", control)

    def rehearse(*options: str) -> tuple[int, str]:
        code = site.rehearse("--state", str(state), "--who", "di", *options, rules=rules, backends=backends)
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    def cutover(*words: str) -> tuple[int, str]:
        code = main(["cutover", *words, "--control", control])
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    start = ("start", "reads", "--why", "the plan says so", "--who", "di")
    code, said = rehearse()
    assert code == 1
    for rule in ("simple", "json"):
        assert f"unwalked-rule: nothing real was walked of the rule '{rule}'" in said
        assert f"--allow-unwalked {rule}." in said
    assert "rehearsal failed: 2 errors, 4 walks" in said
    code, said = cutover(*start)
    assert code == 1
    assert "failed with 2 errors" in said

    assert rehearse("--path", "/simple/no-such-thing/", "--path", "/pypi/no-such-thing/json")[0] == 1
    assert rehearse("--allow-unwalked", "jsn") == (
        2,
        "edgeproxy rehearse: --allow-unwalked jsn: no rule has this name\n",
    )
    code, said = rehearse("--allow-unwalked", "json", "--allow-unwalked", "simple")
    assert code == 0, said
    assert "nothing real was walked, as --allow-unwalked allows: simple, json\n" in said
    assert cutover(*start)[0] == 0
    said = cutover("status", "reads")[1]
    assert re.search("rehearsal: passed .* by di: 4 walks, and of simple, json nothing real, which was allowed", said)


# -- who refuses all --------------------------------------------------------------------------------------------------


@contextmanager
def refusing(status: int) -> Iterator[str]:
    """A site behind something that refuses whoever rehearses."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_rule_that_everybody_refuses_has_not_been_walked(
    site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(UNKNOWN)
    with refusing(403) as url:
        backends = [part for name in ("legacy", "modern") for part in ("--backend", f"{name}={url}")]
        assert site.rehearse("--format", "json", rules=rules, backends=backends) == 1
        told = read(capsys)
        assert codes(told) == ["refused-rule", "refused-rule"]
        assert "is 403 wherever it was asked" in told["problems"][0]["why"]
        assert site.rehearse("--path", "/simple/six/", "--path", "/pypi/six/json", rules=rules, backends=backends) == 1
        allowed = ("--allow-unwalked", "simple", "--allow-unwalked", "json")
        assert site.rehearse(*allowed, rules=rules, backends=backends) == 0


# -- calls ------------------------------------------------------------------------------------------------------------

CALLS = """edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
backends:
  legacy: {url: "http://127.0.0.1:1", host: legacy.pypi.test}
  modern: {url: "http://127.0.0.1:1", host: pypi.test}
cutovers: {reads: {from: legacy, to: modern, steps: [50, 100], hold: 1h, rehearsed: {within: 1d}}}
rules:
  - name: calls
    match: {host: app, path: /pypi, methods: [POST], xmlrpc: [METHOD]}
    safety: safe
    forward: {cutover: reads}
    fallback: {to: legacy, on: [5xx, 404]}
"""


def calls(place: Path, method: str, *cases: str) -> Path:
    rules = place / "calls.yaml"
    expect = "".join(f"      - {each}\n" for each in cases)
    rules.write_text(CALLS.replace("METHOD", method) + (f"    expect:\n{expect}" if cases else ""))
    return rules


def captured_calls(place: Path, *bodies: str) -> tuple[str, str]:
    capture = place / "calls.capture"
    with capture.open("wb") as file:
        asked = {"method": "POST", "url": "https://pypi.test/pypi", "headers": {"content-type": "text/xml"}}
        safe = {"safety": SafetyClass.SAFE, "status": 200}
        write_records(file, (Captured(1.0, **asked, **safe, sent=len(each), body=each) for each in bodies))  # type: ignore[arg-type]
    return "--capture", str(capture)


def test_a_fault_is_nothing_real_and_another_one_is_found(
    site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Both sites say 200 to a call without parameters that the new one has retired: a rehearsal had passed by that."""
    backends = site.at("legacy", "modern")
    rules = calls(tmp_path, "package_releases, release_urls")
    assert site.rehearse("--format", "json", rules=rules, backends=backends) == 1
    told = read(capsys)
    assert set(codes(told)) == {"arms-differ", "unwalked-rule"}
    call = "POST https://pypi.test/pypi (package_releases)"
    messages = [each["message"] for each in told["problems"]]
    assert (
        f"{call} is the fault 1 on the arm legacy of reads and the fault -32500 on the arm modern of reads" in messages
    )
    assert site.rehearse("--allow-unwalked", "calls", rules=rules, backends=backends) == 1
    assert "fault -32500: 1" in capsys.readouterr().out


def test_what_the_new_side_retired_is_found_by_a_captured_call(
    site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rules = calls(tmp_path, "package_releases")
    capture = captured_calls(tmp_path, dumps(("six",), "package_releases"))
    assert site.rehearse(*capture, "--format", "json", rules=rules, backends=site.at("legacy", "modern")) == 1
    told = read(capsys)
    assert codes(told) == ["arms-differ"]
    assert "is a result on the arm legacy of reads and the fault -32500 on the arm" in told["problems"][0]["message"]


def test_a_call_is_made_with_the_parameters_that_were_captured(
    site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rules = calls(tmp_path, "changelog_since_serial")
    capture = captured_calls(tmp_path, *[dumps((0,), "changelog_since_serial")] * 3)
    backends = site.at("legacy", "modern")
    assert site.rehearse(rules=rules, backends=backends) == 1
    assert "unwalked-rule" in capsys.readouterr().out
    assert site.rehearse(*capture, rules=rules, backends=backends) == 0, capsys.readouterr().out


def test_a_call_that_holds_a_secret_is_not_made(site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rules = calls(tmp_path, "search")
    capture = captured_calls(tmp_path, dumps(({"name": "six", "api_key": "KEY22"},), "search"))
    assert site.rehearse(*capture, "--walks", rules=rules, backends=site.at("legacy", "modern")) == 1
    said = capsys.readouterr().out
    assert "1 request not walked, for a secret in the URL or body" in said
    assert "KEY22" not in said


def test_a_call_is_made_with_the_parameters_of_a_case(
    site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    case = "POST https://pypi.test/pypi with xmlrpc changelog_since_serial [0] -> forward reads"
    rules = calls(tmp_path, "changelog_since_serial", case)
    assert site.rehearse(rules=rules, backends=site.at("legacy", "modern")) == 0, capsys.readouterr().out
