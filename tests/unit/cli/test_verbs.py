"""The verbs of the command line: each is a module of its own, and a command line imports the one that it names."""

from __future__ import annotations

import subprocess
import sys
from inspect import signature

import pytest

from edgeproxy.cli.main import VERBS, main, verb_of


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_is_a_module_of_its_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    verb = verb_of(name)
    assert name == verb.NAME
    assert [len(signature(each).parameters) for each in (verb.add_arguments, verb.execute)] == [1, 1]
    assert main([name, "--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"usage: edgeproxy {name} ")
    assert " ".join(verb.HELP.split()) in " ".join(said.split())


@pytest.mark.parametrize("argv", [["--help"], [], ["serve"]])
def test_who_names_no_verb_is_told_of_all(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status = main(argv)
    said = "".join(capsys.readouterr())
    assert said.startswith("usage: edgeproxy [-h] VERB ...")
    if argv in (["--help"], ["serve"]):
        assert all(name in said for name in VERBS)
    assert status == (0 if argv == ["--help"] else 2)


def test_a_verb_is_all_that_is_imported() -> None:
    asked = "import sys; from edgeproxy.cli.main import main; main(['run', '--help'])"
    told = "print('imported', *(name for name in sys.modules if name.startswith(('edgeproxy.cli.', 'replay'))))"
    done = subprocess.run([sys.executable, "-c", f"{asked}; {told}"], capture_output=True, text=True, check=True)
    _, *imported = done.stdout.splitlines()[-1].split()
    assert set(imported) == {f"edgeproxy.cli.{name}" for name in ("main", "run", "arguments")}
