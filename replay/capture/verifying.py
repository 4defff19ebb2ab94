"""`edgeproxy capture verify`: whether a file holds what looks like a secret, and where.

Law: what cannot be read cannot be said to be clean, and is told as such.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from edgeproxy.capture.blocks import Block, read_blocks
from edgeproxy.capture.scanning import known_in, secrets_of
from edgeproxy.capture.versions import LONGEST_LINE
from replay.capture.packed import is_packed
from replay.capture.reading import is_capture


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` never is the secret itself."""

    where: str
    what: str


def verify(path: Path, known: Sequence[frozenset[bytes]]) -> Iterator[Finding]:
    """`known`: spellings of secrets to look for. Raises OSError."""
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if is_packed(start):
            yield Finding("the file", "it is packed by gzip, and is not looked at: unpack it")
            return
        yield from _in_blocks(file, known) if is_capture(start) else _in_lines(file, known)


def _in_blocks(file: BinaryIO, known: Sequence[frozenset[bytes]]) -> Iterator[Finding]:
    for block in read_blocks(file):
        where = f"octet {block.place}"
        if isinstance(block, Block):
            line, _, rows = block.content.partition(b"\n")  # those are numbers; known secrets might be anywhere
            yield from _in_text(line, where, known)
            yield from (Finding(where, f"known secret {number}") for number in known_in(rows, known))
        else:
            yield Finding(where, f"{block.octets} octets that cannot be looked at: {block.why}")


def _in_lines(file: BinaryIO, known: Sequence[frozenset[bytes]]) -> Iterator[Finding]:
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            yield Finding(f"line {number}", f"it is longer than {LONGEST_LINE} octets, and is not looked at whole")
        yield from _in_text(line, f"line {number}", known)


def _in_text(text: bytes, where: str, known: Sequence[frozenset[bytes]]) -> Iterator[Finding]:
    for number in known_in(text, known):
        yield Finding(where, f"known secret {number}")
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        words = text.decode("utf-8", "replace")
    found = dict.fromkeys((secret.key, secret.what) for secret in secrets_of(words))
    yield from (Finding(f"{where}, {key}" if key else where, what) for key, what in found)
