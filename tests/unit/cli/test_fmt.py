"""`edgeproxy fmt`: rule files in place, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeproxy.cli.main import main

UGLY = "edge:   1   # the version\nhosts:\n    app: {names: [ pypi.test ]}\n"
NEAT = "edge: 1     # the version\nhosts:\n  app: {names: [pypi.test]}\n"


@pytest.fixture
def ugly(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(UGLY)
    path.chmod(0o640)
    return path


def test_a_file_is_formatted_in_place_and_keeps_its_mode(ugly: Path, capsys: pytest.CaptureFixture[str]) -> None:
    link = ugly.with_name("link.yaml")
    link.symlink_to(ugly)
    assert main(["fmt", str(link)]) == 0
    assert (ugly.read_text(), ugly.stat().st_mode & 0o777, link.is_symlink()) == (NEAT, 0o640, True)
    assert sorted(path.name for path in ugly.parent.iterdir()) == ["link.yaml", "rules.yaml"]
    before = ugly.stat().st_ino
    assert main(["fmt", str(ugly), "--check"]) == 0
    assert main(["fmt", str(ugly)]) == 0
    assert ugly.stat().st_ino == before  # nothing to write
    assert capsys.readouterr().out == ""


def test_check_names_the_files_and_diff_shows_what_would_change(ugly: Path, capsys: pytest.CaptureFixture[str]) -> None:
    neat = ugly.with_name("neat.yaml")
    neat.write_text(NEAT)
    assert main(["fmt", "--check", str(neat), str(ugly)]) == 1
    assert capsys.readouterr().out == f"{ugly}: would be formatted\n"
    assert main(["fmt", "--diff", str(neat), str(ugly)]) == 1
    shown = capsys.readouterr().out
    assert shown.startswith(f"--- {ugly}\n+++ {ugly} formatted\n@@")
    assert "-    app: {names: [ pypi.test ]}\n+  app: {names: [pypi.test]}\n" in shown
    assert ugly.read_text() == UGLY


@pytest.mark.parametrize(
    ("octets", "status", "said"), [(b"edge: [\n", 1, "yaml-syntax"), (b"\xff", 2, "unreadable-file")]
)
def test_when_one_file_cannot_be_read_none_is_touched(
    ugly: Path, capsys: pytest.CaptureFixture[str], octets: bytes, status: int, said: str
) -> None:
    bad = ugly.with_name("bad.yaml")
    bad.write_bytes(octets)
    assert main(["fmt", str(ugly), str(bad)]) == status
    assert f"{bad}:1:1: {said}" in capsys.readouterr().err or said == "yaml-syntax"
    assert (ugly.read_text(), bad.read_bytes()) == (UGLY, octets)


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fmt", str(tmp_path / "nowhere.yaml")]) == 2
    assert "No such file" in capsys.readouterr().err
