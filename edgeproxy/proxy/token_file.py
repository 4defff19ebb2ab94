"""A token that lets clients do something: the first line of a file that the rules name, read again when it changes.

Law: while the file cannot be used there is no token, and nobody may: who empties the file takes the token back.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Final

from edgeproxy.telemetry.stderr import tell

LEAST: Final = 16  # characters
_MOST: Final = 4_096  # octets of the file that are looked at
_TOKEN: Final = re.compile(rb"[A-Za-z0-9._~+/-]+=*")  # what can be sent: b64token of RFC 6750 §2.1

_Signature = tuple[int, ...] | None  # None: there is no file


class UnusableToken(Exception):
    """The message says which file, what is wrong with it, and what to do."""


class TokenFile:
    """`value` is None while the file cannot be used, and before the first `look`."""

    __slots__ = ("_file", "_key", "_signature", "_until_then", "value")

    def __init__(self, file: Path, key: str, until_then: str) -> None:
        """`key`: of the rules, which names the file; `until_then`: what nobody can do while it cannot be used."""
        self._file = file
        self._key = key
        self._until_then = until_then
        self._signature: _Signature = ()
        self.value: bytes | None = None

    def look(self) -> None:
        """Read the file if it has changed, and tell if it cannot be used: once for each change."""
        signature = _sign(self._file)
        if signature == self._signature:
            return
        self._signature, self.value = signature, None  # signed before it is read: a later change is seen the next time
        try:
            self.value = read_token(self._file, self._key)
        except UnusableToken as error:
            tell(f"{error}; until then nobody can {self._until_then}")


def read_token(file: Path, key: str) -> bytes:
    """`key`: of the rules, which names the file. Raises UnusableToken."""
    try:
        with open(file, "rb", opener=_open_at_once) as opened:
            mode = os.fstat(opened.fileno()).st_mode
            text = opened.read(_MOST) if stat.S_ISREG(mode) else b""
    except OSError as error:
        raise UnusableToken(
            f"{key} {file} cannot be read: {error.strerror}: create it, or let this user read it"
        ) from None
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        raise UnusableToken(f"{key} {file} is open to every user of this machine: chmod o= {file}")
    token = text.partition(b"\n")[0].strip()
    if len(token) < LEAST or not _TOKEN.fullmatch(token):
        raise UnusableToken(
            f"{key} {file}: its first line is not a token: write at least {LEAST} letters, digits or -._~+/ "
            "there, as `openssl rand -hex 32` makes them"
        )
    return token


def _open_at_once(file: str, flags: int) -> int:
    """What is a pipe keeps nobody waiting."""
    return os.open(file, flags | os.O_NONBLOCK)


def _sign(file: Path) -> _Signature:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_ctime_ns, found.st_size, found.st_ino  # its times, octets and permissions
