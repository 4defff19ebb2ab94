"""What a verb says when the edge that it asks does not answer, or not as wanted."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from edgeproxy.cli import running_edge
from edgeproxy.cli.running_edge import add_control, asked
from edgeproxy.control.control_client import CannotAsk


def ask_by(*arguments: str) -> Mapping[str, object] | int:
    parser = ArgumentParser()
    add_control(parser)
    return asked(parser.parse_args(arguments), "ledger", {"do": "ledger"}, refused=7)


def test_nobody_says_which_edge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("EDGEPROXY_CONTROL", raising=False)
    assert ask_by() == 2
    assert capsys.readouterr().err.startswith(
        "edgeproxy ledger: which edge? Say --control PATH (or $EDGEPROXY_CONTROL)"
    )


def test_nobody_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask_by("--control", str(tmp_path / "nobody")) == 7
    assert "no edge listens there" in capsys.readouterr().err


def test_a_refusal_that_quotes_somebody_does_not_write_to_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_: Path, __: object) -> Iterator[Mapping[str, object]]:
        raise CannotAsk("reads was changed at the same moment: step by mallory (\x1b[2Jall is well)")

    monkeypatch.setattr(running_edge, "ask", refuse)
    assert ask_by("--control", "run/control") == 7
    assert "by mallory (\\x1b[2Jall is well)" in capsys.readouterr().err
