"""`edgeproxy model` on files: fitted, checked, counted, and what is wrong told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lookalikes import Making, captured

from edgeproxy.cli.main import main
from replay.capture.writing import write_records

RULES = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
backends: {origin: {url: "http://127.0.0.1:1"}}
rules:
  - {name: pages, match: {host: app, path: "/simple/{project}/"}, forward: {backend: origin}}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("model")
    with (place / "some.capture").open("wb") as file:
        write_records(file, captured(Making(seconds=60, networks=100, projects=300)))
    (place / "names.txt").write_text("p1\np2\n")
    assert main(["model", "fit", str(place / "some.capture"), "--to", str(place / "model.yaml")]) == 0
    return place


def test_a_model_is_fitted_and_looked_at(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture, model, page = (str(place / name) for name in ("some.capture", "model.yaml", "like.html"))
    assert main(["model", "fit", capture, "--to", str(place / "again.json"), "--page", page]) == 0
    assert "whatever it says, at least 5 clients share" in capsys.readouterr().out
    assert json.loads((place / "again.json").read_text())["look_alike"] == 1
    assert Path(page).read_text().count("<svg") == 1
    status = main(["model", "check", str(place / "again.json"), capture, "--format", "json"])
    told = json.loads(capsys.readouterr().out)
    assert status == (0 if all(each["like"] for each in told["measures"]) else 1)
    assert main(["model", "check", model, capture, "--page", str(place / "like.svg")]) == status
    assert "what it never has:" in capsys.readouterr().out


def test_what_would_be_sent_is_counted(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    to = ["--to", "http://127.0.0.1:1", "--names", str(place / "names.txt"), "--dry-run"]
    assert main(["model", "play", str(place / "model.yaml"), *to, "--for", "20s", "--rate", "50"]) == 0
    said = capsys.readouterr()
    assert "requests would be sent" in said.out
    assert "simple-project" in said.out
    (place / "none.txt").write_text("")
    assert main(["model", "play", str(place / "model.yaml"), *to[:3], str(place / "none.txt"), "--dry-run"]) in (0, 2)


def test_of_logs_rules_say_what_is_safe(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, rules = place / "log.jsonl", place / "rules.yaml"
    rules.write_text(RULES)
    lines = (
        {
            "method": "GET", "url": f"http://pypi.test/simple/p{n % 7}/", "time": 1e9 + n, "client": f"10.{n % 9}.0.1",
            "headers": {"User-Agent": "pip/24.0"},
        }
        for n in range(200)
    )  # fmt: skip
    log.write_text("".join(f"{json.dumps(line)}\n" for line in lines) + "nothing\n")
    assert main(["model", "fit", str(log), "--to", str(place / "log.yaml")]) == 2
    assert "--rules RULES says what rules declare" in capsys.readouterr().err
    assert main(["model", "fit", str(log), "--to", str(place / "log.yaml"), "--rules", str(rules)]) == 1
    said = capsys.readouterr()
    assert "skipped: " in said.err
    assert "100.0% GET http://pypi.test/simple/{project}/" in said.out


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["fit", "none.capture", "--to", "m.yaml"], "none.capture: No such file"),
        (["fit", "names.txt", "--to", "m.yaml"], "it is none of what can be read"),
        (["fit", "some.capture", "--to", "m.yaml", "--page", "like.png"], "ends in .html, .svg or .json"),
        (["fit", "some.capture", "--to", "m.yaml", "--shared-by", "1000"], "nothing is shared by 1000 clients"),
        (["check", "names.txt", "some.capture"], "`look_alike` says the version"),
        (["play", "model.yaml", "--to", "http://127.0.0.1:1", "--names", "model.yaml"], "neither a project's name nor a URL"),
        (["play", "model.yaml", "--to", "http://127.0.0.1:1", "--names", "http://pypi.test/simple/"], "refused"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_says_why(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], why: str
) -> None:
    monkeypatch.chdir(place)
    assert main(["model", *arguments]) == 2
    assert why in capsys.readouterr().err
