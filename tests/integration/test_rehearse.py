"""`edgeproxy rehearse` against both bundled backends, on real packages: what is wrong with them is found and named, and a
cutover that asks for a rehearsal goes on after one that has passed, and not before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rehearsed_sites import Site, both_sites, codes, read

from edgeproxy.capture.record import Captured
from edgeproxy.cli.main import main
from replay.capture.writing import write_records

FILE = "/packages/source/s/six/six-1.17.0.tar.gz"
RULES = f"""edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts:
  app: {{names: [pypi.test]}}
  old: {{names: [legacy.pypi.test]}}
  content: {{names: [files.pypihosted.test], kind: content}}
backends:
  legacy: {{url: "http://127.0.0.1:1", host: legacy.pypi.test}}
  modern: {{url: "http://127.0.0.1:1", host: pypi.test}}
  mirror: {{url: "http://127.0.0.1:1", host: legacy.pypi.test}}   # the old site's files
cutovers: {{reads: {{from: legacy, to: modern, steps: [10, 100], hold: 1h, rehearsed: {{within: 1h}}}}}}
rules:
  - name: simple
    match: {{host: app, path: "/simple/{{project}}/", methods: [GET, HEAD]}}
    forward: {{cutover: reads}}
    fallback: {{to: legacy, on: [connect, tls]}}
    expect:
      - GET https://pypi.test/simple/six/ -> forward reads
      - GET https://pypi.test/simple/jinja2/ -> forward reads
  - name: simple-slash               # the old site leads there
    match: {{host: app, path: "/simple/{{project}}", methods: [GET, HEAD]}}
    redirect: {{to: "/simple/{{project}}/", status: 301, lifetime: 10m}}
  - name: json
    match: {{host: app, path: "/pypi/{{project}}/json", methods: [GET, HEAD]}}
    forward: {{backend: modern}}
    expect:
      - GET https://pypi.test/pypi/Jinja2/json -> forward modern
      - GET https://pypi.test/pypi/jinja2/json -> forward modern
  - name: index
    match: {{host: app, path: "/simple/", methods: [GET, HEAD]}}
    forward: {{backend: modern}}
    fallback: {{to: legacy, on: [connect, timeout, 5xx, 404]}}
    expect: [GET https://pypi.test/simple/ -> forward modern]
  - name: user-content
    match: {{host: app, path: "/packages/{{rest*}}", methods: [GET, HEAD]}}
    redirect: {{to: "https://files.pypihosted.test/packages/{{rest}}", status: 301, lifetime: 10m}}
  - name: files
    match: {{host: content, path: "/packages/{{version}}/{{letter}}/{{project}}/{{file}}", methods: [GET, HEAD]}}
    forward: {{backend: mirror}}
    rewrite: {{answer_headers: {{X-Content-Type-Options: nosniff, Content-Security-Policy: sandbox}}}}
    expect:
      - GET https://files.pypihosted.test{FILE} -> forward mirror
  - name: uploads
    match: {{host: app, path: "/legacy/", methods: [POST]}}
    forward: {{backend: modern}}
  - name: old-host
    match: {{host: old, path: "/{{rest*}}", methods: [GET, HEAD]}}
    redirect: {{to: "https://pypi.test/{{rest}}", status: 301, lifetime: 10m}}
"""


@pytest.fixture(scope="module")
def site(seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with both_sites(seeded, tmp_path_factory.mktemp("rehearse")) as found:
        found.rules.write_text(RULES)
        yield found


def test_a_clean_system_passes(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert site.rehearse("--walks") == 0
    said = capsys.readouterr().out
    assert (
        "  GET https://pypi.test/simple/six/, a case of `expect`\n"
        "    on the arm legacy of reads: 200 text/html; charset=utf-8 by backend legacy (rule simple)\n"
        "    on the arm modern of reads: 200 text/html; charset=UTF-8 by backend modern (rule simple)\n"
        "    on the arm modern of reads, while modern fails: "
        "200 text/html; charset=utf-8 by fallback legacy (rule simple)\n"
    ) in said
    assert "not sent, for it is not declared safe: 1 request of uploads" in said
    assert "rules.yaml: rehearsal passed: " in said
    assert site.rehearse("--strict") == 1
    assert re.search(r"rules\.yaml: rehearsal failed: \d+ warnings, \d+ walks, ", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("where", "fault", "code", "message"),
    [
        (
            "legacy",
            "files redirect=host-loop",
            "live-loop",
            f"GET https://files.pypihosted.test{FILE} goes in a circle",
        ),
        (
            "modern",
            "simple/six missing",
            "arms-differ",
            "GET https://pypi.test/simple/six/ is 200 on the arm legacy of reads and 404 on the arm modern of reads",
        ),
        ("modern", "simple/six hang", "live-failure", "modern does not answer GET https://pypi.test/simple/six/"),
        ("modern", "simple/six error=500", "live-failure", "modern answers 500 to GET https://pypi.test/simple/six/"),
        (
            "legacy",
            "files reset=100",
            "live-failure",
            f"mirror does not answer GET https://files.pypihosted.test{FILE}",
        ),
        (
            "legacy",
            "simple error=500",
            "fallback-fails live-failure",
            "the fallback legacy answers 500 to GET https://pypi.test/simple/",
        ),
    ],
)
def test_a_fault_is_found_and_named(
    site: Site, capsys: pytest.CaptureFixture[str], where: str, fault: str, code: str, message: str
) -> None:
    with site.planted(where, fault):
        assert site.rehearse("--timeout", "1s", "--format", "json") == 1
    told = read(capsys)
    assert set(codes(told)) == set(code.split())
    assert not told["passed"]
    assert any(each["message"].startswith(message) for each in told["problems"] if each["code"] in code)


def test_the_loop_of_2018_is_shown_hop_by_hop(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    with site.planted("legacy", "files redirect=host-loop"):
        site.rehearse("--format", "json")
    (loop,) = [each for each in read(capsys)["problems"] if each["code"] == "live-loop"]
    assert [(hop["status"], hop["location"], hop["by"]) for hop in loop["evidence"]["hops"]] == [
        (302, f"https://pypi.test{FILE}", "backend mirror (rule files)"),
        (301, f"https://files.pypihosted.test{FILE}", "rule user-content"),
    ]


def test_what_a_fallback_hides_is_told(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    with site.planted("modern", "simple error=503"):
        assert site.rehearse("--format", "json") == 1
    told = read(capsys)
    assert "stood-in" in codes(told, "warning")
    assert "GET https://pypi.test/simple/ needs its fallback: modern answered 503, and legacy answered 200" in [
        each["message"] for each in told["problems"]
    ]


def test_arms_that_redirect_against_each_other_are_found(
    site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The old site redirects to the name that its author wrote, the new one to the normalised one."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        RULES.replace(
            "forward: {backend: modern}\n    expect:\n      - GET https://pypi.test/pypi/Jinja2",
            "forward: {cutover: reads}\n    expect:\n      - GET https://pypi.test/pypi/Jinja2",
        ).replace("json -> forward modern", "json -> forward reads")
    )
    assert site.rehearse("--format", "json", rules=rules) == 1
    told = read(capsys)
    assert set(codes(told)) == {"live-flip"}
    (flip,) = [each for each in told["problems"] if each["code"] == "live-flip"]
    assert "goes in a circle for clients that hold what backend" in flip["message"]
    assert {hop["by"].removeprefix("held: ") for hop in flip["evidence"]["hops"]} == {
        "backend legacy (rule json)",
        "backend modern (rule json)",
    }


def test_the_flip_of_2022_is_found_by_what_clients_hold_since_the_rehearsal_before(
    site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    state = ("--state", str(tmp_path), "--format", "json")
    assert site.rehearse(*state) == 0
    assert site.rehearse(*state) == 0  # nothing has turned
    capsys.readouterr()
    with site.planted("modern", "json redirect=name-flip"):
        assert site.rehearse("--format", "json") == 0  # who asks for the first time goes in no circle
        capsys.readouterr()
        assert site.rehearse(*state) == 1
    told = read(capsys)
    assert set(codes(told)) == {"live-flip"}
    (flip,) = [each for each in told["problems"] if each["code"] == "live-flip"]
    assert [hop["by"].partition(":")[0][:10] for hop in flip["evidence"]["hops"]] == ["backend mo", "held since"]


def test_a_flip_under_a_rule_that_respells_loops_for_everybody(
    site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """As the edge of June 2022 did."""
    rules = tmp_path / "rules.yaml"
    respelled = 'rewrite: {path: "/pypi/{project|pep503}/json"}'
    json_rule = 'path: "/pypi/{project}/json", methods: [GET, HEAD]}'
    rules.write_text(RULES.replace(json_rule, f"{json_rule}\n    {respelled}"))
    assert site.rehearse(rules=rules) == 0
    capsys.readouterr()
    with site.planted("modern", "json redirect=name-flip"):
        assert site.rehearse("--format", "json", rules=rules) == 1
    assert set(codes(read(capsys))) == {"live-loop"}


def test_the_shapes_of_an_access_log_are_walked(site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    line = '{"time":1.0,"client":"192.0.2.7","scheme":"https","method":"GET","host":"pypi.test","path":"%s","status":200}\n'
    log = tmp_path / "access.log"
    log.write_text(line % "/simple/attrs/" * 3 + line % "/simple/no-such-thing/" * 5 + "no line\n")
    assert site.rehearse("--capture", str(log)) == 0
    said = capsys.readouterr().out
    assert "captured: 1 shape walked, 100 % of 8 requests; 1 line passed over" in said
    assert "GET https://pypi.test/simple/no-such-thing/ was 200 when it was captured, and is 404" in said


def test_a_capture_of_the_edge_is_walked_too(site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    capture = tmp_path / "a.capture"
    asked = [f"https://pypi.test/simple/{name}/" for name in ("attrs", "attrs", "no-such-thing")]
    with capture.open("wb") as file:
        write_records(file, (Captured(1.0, "GET", url, status=200) for url in asked))
        file.write(b"broken")
    assert site.rehearse("--capture", str(capture)) == 0
    assert "captured: 1 shape walked, 100 % of 3 requests; 1 line passed over" in capsys.readouterr().out


def test_what_cannot_be_done_is_said(site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert site.rehearse("--capture", str(tmp_path / "none")) == 2
    assert "none: No such file or directory" in capsys.readouterr().err
    (tmp_path / "broken.yaml").write_text("edge: 1\nrules: []\n")
    assert site.rehearse(rules=tmp_path / "broken.yaml") == 2
    (tmp_path / "rehearsals.sqlite").write_text("something else" * 100)
    assert site.rehearse("--state", str(tmp_path)) == 2
    assert "move it away, or name another directory" in capsys.readouterr().err


def test_a_cutover_that_asks_for_a_rehearsal_starts_after_one(
    site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    control, state = str(tmp_path / "control"), ["--state", str(tmp_path / "state")]
    site.processes.start("edge", "edgeproxy", "run", site.rules, *site.backends, *state, "--control", control)

    def cutover(*words: str) -> tuple[int, str]:
        said = [] if words[0] == "status" else ["--why", "the plan says so", "--who", "di"]
        code = main(["cutover", *words, *said, "--control", control])
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    code, said = cutover("start", "reads")
    assert code == 1
    assert "reads asks for a rehearsal of its rules, and none was done: rehearse them: `edgeproxy rehearse" in said

    with site.planted("modern", "simple/six missing"):
        assert site.rehearse(*state, "--who", "di") == 1
    assert "their last rehearsal, " in cutover("start", "reads")[1]
    assert "failed with 1 error" in cutover("start", "reads")[1]

    assert site.rehearse(*state, "--who", "di") == 0
    assert f"rules.yaml: recorded in {tmp_path}/state/rehearsals.sqlite" in capsys.readouterr().out
    assert cutover("start", "reads") == (0, "reads: shadowing at 0 %, in force in every worker\n")
    assert "\n    rehearsal: passed " in cutover("status", "reads")[1]
    assert cutover("step", "reads", "--force")[0] == 0

    with site.planted("modern", "simple/six missing"):
        site.rehearse(*state)
    capsys.readouterr()
    code, said = cutover("step", "reads", "--force")
    assert (code, "did not pass" in said or "failed with 1 error" in said) == (1, True)
    assert cutover("rollback", "reads") == (0, "reads: rolled back at 0 %, in force in every worker\n")


def test_secrets_of_a_capture_are_not_recorded(site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    url = "http://pypi.test/pypi/Jinja2/json"
    capture = tmp_path / "capture"
    capture.write_text(
        json.dumps({"method": "GET", "url": f"{url}?token=QTOKEN11", "headers": {"X-Api-Key": "KEY22"}})
        + "\n"
        + json.dumps({"method": "GET", "url": url, "headers": {"X-Api-Key": "KEY22"}})
        + "\n"
    )
    assert site.rehearse("--capture", str(capture), "--state", str(tmp_path), "--walks") == 0
    said = capsys.readouterr().out
    assert "1 request not walked, for a secret in the URL" in said
    kept = (tmp_path / "rehearsals.sqlite").read_bytes()
    for secret in ("QTOKEN11", "KEY22"):
        assert secret not in said
        assert secret.encode() not in kept
