"""`edgeproxy diff`: exit status, captures from a file or from standard input, formats."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from captures import packed, record

from edgeproxy.cli.main import main

RULES = """edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
rules:
  - {name: all, match: {path: "/{rest*}"}, respond: {status: 200}}
"""
RECORD = '{"method": "GET", "url": "https://pypi.test/a"}\n'


@pytest.fixture
def old(tmp_path: Path) -> str:
    return written(tmp_path / "old.yaml", RULES)


@pytest.fixture
def new(tmp_path: Path) -> str:
    return written(tmp_path / "new.yaml", RULES.replace("200", "204"))


def written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_the_exit_status_tells_whether_something_changes(old: str, new: str, tmp_path: Path) -> None:
    assert main(["diff", old, old]) == 0
    assert main(["diff", old, new]) == 1
    assert main(["diff", old, str(tmp_path / "none.yaml")]) == 2
    assert main(["diff", old, new, "--capture", str(tmp_path / "none.json")]) == 2


def test_a_capture_is_read_from_a_file_or_from_standard_input(
    old: str, new: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["diff", old, new, "--capture", written(tmp_path / "capture", RECORD)]) == 1
    from_file = capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.StringIO(RECORD))
    assert main(["diff", old, new, "--capture", "-"]) == 1
    assert capsys.readouterr().out == from_file
    assert from_file.endswith("1 request: 0 % treated as before, 1 kind of change\n")


def test_a_capture_that_meets_no_change_is_none(old: str, tmp_path: Path) -> None:
    new = written(
        tmp_path / "n.yaml",
        RULES.replace("rules:\n", "rules:\n  - {name: x, match: {path: /x}, respond: {status: 404}}\n"),
    )
    assert main(["diff", old, new]) == 1
    assert main(["diff", old, new, "--capture", written(tmp_path / "capture", RECORD)]) == 0


def test_captures_and_logs_are_weighed_by_hits(
    old: str, new: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is broken of them is told, and weighs nothing."""
    records = [record(number, count=number + 1) for number in range(4)]
    (tmp_path / "a.capture").write_bytes(packed(records) + packed(records)[:-1])
    assert main(["diff", old, new, "--capture", str(tmp_path / "a.capture")]) == 1
    said = capsys.readouterr().out
    assert said.startswith("10 requests, 100 %: differs: action\n  clients: pip 10\n  GET https://pypi.test/simple/p0/")
    assert said.endswith("10 requests: 0 % treated as before, 1 kind of change, 4 lines skipped\n")
    assert ": the file ends in a block\n" in said
    assert main(["diff", old, new, "--capture", str(tmp_path)]) == 1
    assert capsys.readouterr().out == said
    log = '192.0.2.7 - - [16/Apr/2018:15:00:00 +0000] "GET /a HTTP/1.1" 200 5\n'
    assert main(["diff", old, new, "--capture", written(tmp_path / "log", log)]) == 1
    assert "GET http://pypi.test/a" in capsys.readouterr().out


def test_programs_get_one_document(old: str, new: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["diff", old, new, "--format", "json"])
    told = json.loads(capsys.readouterr().out)
    (change,) = told["changes"]
    assert (told["same"], change["request"], change["differs"]) == (False, "GET https://pypi.test/", ["action"])
    assert (change["old"]["action"], change["new"]["action"]) == ("respond 200", "respond 204")
