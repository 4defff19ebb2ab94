"""Lines for the operator: whole, and harmless to a terminal."""

from __future__ import annotations

import pytest

from edgeproxy.telemetry.stderr import tell


def test_what_strangers_said_reaches_no_terminal_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    tell("a backend leads to \x9b2J and \x1b]0;owned\x07 of žluťoučký kůň\nand so on")
    assert capsys.readouterr().err == (
        "edgeproxy: a backend leads to \\x9b2J and \\x1b]0;owned\\x07 of žluťoučký kůň\nedgeproxy: and so on\n"
    )
