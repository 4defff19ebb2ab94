"""Commands whose reader stops early, as `head` does: no traceback, and the exit status that they have anyway."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

GOOD = """edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
rules:
  - {name: all, match: {path: "/{rest*}"}, respond: {status: 204}}
"""
COMMANDS = {
    "check": (GOOD, ["check", "{rules}", "{rules}"], 0),
    "check with findings": (GOOD.replace("status: 204", "status: 99"), ["check", "{rules}", "{rules}"], 1),
    "check as json": (GOOD, ["check", "--format", "json", "{rules}"], 0),
    "explain": (GOOD, ["explain", "--rules", "{rules}", "http://pypi.test/"], 0),
    "explain with findings": (
        GOOD.replace("status: 204", "status: 99"),
        ["explain", "--rules", "{rules}", "http://a/"],
        1,
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_reader_that_stops_early_costs_neither_words_nor_the_exit_status(name: str, tmp_path: Path) -> None:
    text, arguments, status = COMMANDS[name]
    rules = tmp_path / "rules.yaml"
    rules.write_text(text)
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "edgeproxy", *(each.format(rules=rules) for each in arguments)]
    ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, timeout=30, check=False)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (status, b"")
