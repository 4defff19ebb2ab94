"""The token's file: what is one, and what becomes of it while the edge runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgeproxy.proxy.token_file import TokenFile, UnusableToken, read_token

TOKEN = b"0123456789abcdef"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "token"


def write(file: Path, text: bytes, mode: int = 0o600) -> None:
    """As whoever renews it does: written aside, and renamed."""
    aside = file.with_name("aside")
    aside.write_bytes(text)
    aside.chmod(mode)
    aside.replace(file)


@pytest.mark.parametrize("text", [TOKEN, TOKEN + b"\n", TOKEN + b" \r\nmore\n"])
@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640, 0o660])
def test_the_first_line_is_the_token(file: Path, text: bytes, mode: int) -> None:
    write(file, text, mode)
    assert read_token(file, "purge_token") == TOKEN


@pytest.mark.parametrize("text", [b"", b"\n" + TOKEN, TOKEN[:-1], b"with blanks and so on", b"\xff" * 16, b"=" * 16])
def test_what_cannot_be_sent_or_is_short_is_no_token(file: Path, text: bytes) -> None:
    write(file, text)
    with pytest.raises(UnusableToken, match=f"{file}: its first line is not a token: write at least 16"):
        read_token(file, "purge_token")


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602, 0o666])
def test_a_file_that_everybody_can_read_or_write_holds_no_secret(file: Path, mode: int) -> None:
    write(file, TOKEN, mode)
    with pytest.raises(UnusableToken, match=f"open to every user of this machine: chmod o= {file}"):
        read_token(file, "purge_token")


def test_a_file_that_is_not_there_a_folder_and_a_pipe_are_told(tmp_path: Path, file: Path) -> None:
    with pytest.raises(UnusableToken, match="cannot be read: No such file"):
        read_token(file, "purge_token")
    with pytest.raises(UnusableToken, match="cannot be read: Is a directory"):
        read_token(tmp_path, "purge_token")
    os.mkfifo(file, 0o600)
    with pytest.raises(UnusableToken, match="its first line is not a token"):  # and nobody waits for a writer
        read_token(file, "purge_token")


def test_a_new_token_takes_the_old_ones_place(file: Path) -> None:
    token = TokenFile(file, "purge_token", "purge by PURGE")
    write(file, TOKEN)
    assert token.value is None
    token.look()
    assert token.value == TOKEN
    write(file, TOKEN[::-1])
    token.look()
    assert token.value == TOKEN[::-1]


def test_what_cannot_be_used_is_told_once_and_takes_the_token_back(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = TokenFile(file, "purge_token", "purge by PURGE")
    write(file, TOKEN)
    token.look()
    file.unlink()
    for _ in range(3):
        token.look()
    assert token.value is None
    write(file, TOKEN, 0o644)
    token.look()
    assert token.value is None
    file.chmod(0o640)
    token.look()
    assert token.value == TOKEN
    missing, exposed = capsys.readouterr().err.splitlines()
    assert missing.startswith(f"edgeproxy: purge_token {file} cannot be read")
    assert exposed.endswith(f"chmod o= {file}; until then nobody can purge by PURGE")
