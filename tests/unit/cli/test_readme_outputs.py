"""What the README shows of `explain`, `diff` and `schedule` is what they print, and its rule files are right."""

from __future__ import annotations

import io
import re
import shlex
from pathlib import Path

import pytest

from edgeproxy.cli.main import main

ROOT = Path(__file__).parents[3]
SHOWN = re.findall(
    r"```console\n\$ edgeproxy ((?:explain|diff|schedule) [^\n]*?)(?: <<\.\n(.*?)\n\.)?\n(.*?)```",
    (ROOT / "README.md").read_text(),
    re.S,
)
RULE_FILES = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.S)


def test_there_are_some() -> None:
    assert (len(SHOWN), len(RULE_FILES)) == (4, 2)


@pytest.mark.parametrize("text", RULE_FILES)
def test_nothing_is_found_in_the_rule_files_of_the_readme(text: str, tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    assert main(["check", str(path)]) == 0


@pytest.mark.parametrize(("command", "given", "output"), SHOWN, ids=[each[0][:40] for each in SHOWN])
def test_the_readme_shows_what_is_printed(
    command: str, given: str, output: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.stdin", io.StringIO(given))
    main(shlex.split(command))
    assert capsys.readouterr().out == output
