"""Tokens: read from files, compared in constant time, never shown by accident."""

from __future__ import annotations

import argparse
import hmac
import os
import re
import stat
from pathlib import Path
from typing import Final

LEAST: Final = 16  # characters
_MOST: Final = 4096  # octets of the file that are looked at
_TOKEN: Final = re.compile(rb"[A-Za-z0-9._~+/-]+=*")  # what can be sent: b64token of RFC 6750 section 2.1


class UnusableToken(Exception):
    """Says which file, what is wrong with it, and what to do."""


class Token:
    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value = value

    def is_same(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(errors="surrogateescape"), self.value.encode())

    def __repr__(self) -> str:
        return "Token(...)"


def read_token(file: Path) -> Token:
    """The first line of a file that is not for everybody. Raises UnusableToken."""
    try:
        with open(file, "rb", opener=_open_at_once) as opened:
            mode = os.fstat(opened.fileno()).st_mode
            text = opened.read(_MOST) if stat.S_ISREG(mode) else b""
    except OSError as error:
        raise UnusableToken(f"{file} cannot be read: {error.strerror}: create it, or let this user read it") from None
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        raise UnusableToken(f"{file} is open to every user of this machine: chmod o= {file}")
    token = text.partition(b"\n")[0].strip()
    if len(token) < LEAST or not _TOKEN.fullmatch(token):
        raise UnusableToken(
            f"{file}: its first line is no token: write at least {LEAST} letters, digits or -._~+/ there, "
            "as `openssl rand -hex 32` makes them"
        )
    return Token(token.decode())


def _open_at_once(file: str, flags: int) -> int:
    """What is a pipe keeps nobody waiting."""
    return os.open(file, flags | os.O_NONBLOCK)


def token_file(text: str) -> Path:
    """An argument of a command line: a file whose token can be used."""
    try:
        read_token(Path(text))
    except UnusableToken as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return Path(text)
