"""`edgeproxy check`: exit status, formats, and what a ruleset is checked after."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeproxy.cli.findings import Checked, as_github, as_json, as_text
from edgeproxy.cli.main import main
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Evidence, Hop, Problem, Related

HEAD = 'edge: 1\nlisten: [{address: "127.0.0.1:0"}]\nhosts: {app: {names: [pypi.test]}}\nrules:\n'
ALL = '  - {name: all, match: {path: "/{rest*}"}, respond: {status: 204}}\n'
DEAD = "  - {name: dead, match: {path: /a}, respond: {status: 204}}\n"
READS = '  - {name: reads, match: {path: "/{rest*}", methods: [GET]}, respond: {status: 204}}\n'

LOOP = Problem(
    Code.DEAD_RULE,
    Place("rules, new.yaml", 7, 5),
    "100% odd",
    "it goes\nround.",
    "break it.",
    Related(Place("rules, new.yaml", 3, 1), "first here"),
    (Related(Place("old.yaml", 4, 2), "then here"),),
    Evidence(
        "GET http://pypi.test/a",
        (Hop("GET", "http://pypi.test/a", "rule a", 301, "/a", Place("rules, new.yaml", 7, 5)),),
        "when it is cold",
    ),
)


def written(folder: Path, *rules: str, name: str = "rules.yaml") -> str:
    path = folder / name
    path.write_text(HEAD + "".join(rules))
    return str(path)


@pytest.mark.parametrize(
    ("rules", "options", "status"),
    [
        ((ALL,), (), 0),
        ((ALL, DEAD), (), 1),
        ((READS,), (), 0),
        ((READS,), ("--strict",), 1),
        (("  - nonsense\n",), (), 1),
    ],
    ids=["clean", "an error", "a note", "a note that counts", "not readable as rules"],
)
def test_the_exit_status_tells_whether_something_was_found(
    tmp_path: Path, rules: tuple[str, ...], options: tuple[str, ...], status: int
) -> None:
    assert main(["check", *options, written(tmp_path, *rules)]) == status


def test_a_file_that_is_not_there_is_unreadable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", written(tmp_path, ALL), str(tmp_path / "none.yaml")]) == 2
    assert "unreadable-file" in capsys.readouterr().out


def test_rules_before_that_cannot_be_read_end_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = written(tmp_path, "  - nonsense\n", name="old.yaml")
    assert main(["check", written(tmp_path, ALL), "--after", old]) == 2
    assert capsys.readouterr().out.endswith(f"{old}: 1 problem found\n")


def test_rules_are_checked_after_others(tmp_path: Path) -> None:
    old = written(tmp_path, ALL, DEAD, name="old.yaml")
    assert main(["check", written(tmp_path, ALL), "--after", old, "--after", old]) == 0


def test_text_tells_problems_notes_and_sizes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = written(tmp_path, READS)
    main(["check", rules])
    said = capsys.readouterr().out
    assert f"{rules}:3:14: note: gap: some requests for the host 'app' have no rule\n" in said
    assert "  witness: HEAD https://pypi.test/\n" in said
    assert f"{rules}: 1 rule, 1 host, 0 backends: no problems found, 1 note\n" in said


def test_verdicts_are_the_last_lines() -> None:
    checked = Checked("rules.yaml", None, (), ("proved: no redirect loop",), {})
    assert as_text(checked) == "rules.yaml: no problems found\nrules.yaml: proved: no redirect loop"


def test_json_has_one_shape(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = written(tmp_path, ALL, DEAD)
    main(["check", "--format", "json", rules])
    (file,) = json.loads(capsys.readouterr().out)["files"]
    (problem,) = file["problems"]
    assert list(file) == ["file", "rules", "hosts", "backends", "verdicts", "problems"]
    assert (problem["code"], problem["severity"], problem["line"]) == ("dead-rule", "error", 6)
    assert problem["related"] == {"file": rules, "line": 5, "column": 5, "note": "this rule takes them"}
    assert (problem["also"], problem["evidence"]) == ([], None)


def test_json_holds_all_evidence() -> None:
    (problem,) = as_json(Checked("f", None, (LOOP,), (), {}))["problems"]  # type: ignore[misc]
    assert problem["also"] == [{"file": "old.yaml", "line": 4, "column": 2, "note": "then here"}]
    assert problem["evidence"] == {
        "witness": "GET http://pypi.test/a",
        "hops": [
            {
                "method": "GET",
                "url": "http://pypi.test/a",
                "by": "rule a",
                "status": 301,
                "location": "/a",
                "file": "rules, new.yaml",
                "line": 7,
                "column": 5,
            }
        ],
        "condition": "when it is cold",
    }


def test_github_gets_an_annotation_with_its_escapes() -> None:
    said = as_github(Checked("rules.yaml", None, (LOOP,), (), {}))
    assert said == (
        "::error file=rules%2C new.yaml,line=7,col=5,title=dead-rule::100%25 odd%0Awhy: it goes%0Around.%0Aremedy: "
        "break it.%0Awitness: GET http://pypi.test/a%0A301 /a by rule a%0Awhen: when it is cold\n"
        "rules.yaml: 1 problem found"
    )


def test_github_gets_a_notice_for_a_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--format", "github", written(tmp_path, READS)]) == 0
    assert capsys.readouterr().out.startswith("::notice file=")
