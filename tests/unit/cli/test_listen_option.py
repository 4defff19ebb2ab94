"""`--listen ADDRESS` is what a rule file's `address` is; the path of a socket is from where the command runs."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

import pytest

from edgeproxy.cli.run import add_override_arguments, overrides_of
from edgeproxy.ruleset.listeners import Address, InetAddress, UnixAddress


def addresses(*arguments: str) -> list[Address]:
    parser = ArgumentParser()
    add_override_arguments(parser)
    return [listener.address for listener in overrides_of(parser.parse_args(arguments)).listen]


def test_it_takes_ip_addresses_and_unix_sockets() -> None:
    assert addresses("--listen", "127.0.0.1:8080", "--listen", "[::1]:0", "--listen", "unix:edge.sock") == [
        InetAddress("127.0.0.1", 8080),
        InetAddress("::1", 0),
        UnixAddress(Path("edge.sock")),
    ]


@pytest.mark.parametrize("text", ["localhost:8080", "127.0.0.1", "::1:8080", "127.0.0.1:99999", "unix:", "nonsense"])
def test_it_says_what_to_write_instead(capsys: pytest.CaptureFixture[str], text: str) -> None:
    with pytest.raises(SystemExit):
        addresses("--listen", text)
    assert f"argument --listen: {text!r} is not" in capsys.readouterr().err
