"""What tests of captures are made of: records, secrets that must not be in any, and files of them."""

from __future__ import annotations

import io
from collections.abc import Iterable

from edgeproxy.capture.blocks import Block, Broken, Packer, read_blocks
from edgeproxy.capture.columns import Records
from edgeproxy.capture.record import BadRecord, Captured
from edgeproxy.capture.safety import SafetyClass
from edgeproxy.capture.versions import Note, read_block

# As they are planted, whole: none of these may be in any octet of a capture, plain or in another spelling.
SECRETS = (
    "pypi-AgEIcHlwaS5vcmcCJDk4YzM2ZmE0LTExZGEtNGU1",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
    "ghp_aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789",
    "github_pat_11abcdefg0_abcdefghijklmnopqrstuv",
    "npm_abcdefghijklmnopqrstuvwxyz0123456789",
    "hf_abcdefghijklmnopqrstuvwxyzabcdefgh",
    "AIzaSyA-234567_90abcdefghijklmnopqrstuv",
    "AKIAIOSFODNN7EXAMPLE",
    "dXNlcjpodW50ZXIyaHVudGVyMg==",
    "hunter2-and-more",
    "q8Zr3Vt6Yw9AbCdEfGhJ2kMn",
)


def record(number: int = 0, **more: object) -> Captured:
    """One of many, each a little different."""
    values: dict[str, object] = {
        "time": 1_523_887_200.0 + number / 1000,
        "method": "GET",
        "url": f"https://pypi.test/simple/p{number % 7}/",
        "headers": {"user-agent": f"pip/{number % 3}"},
        "connection": f"1-{number % 4}",
        "client": "192.0.2.0",
        "safety": SafetyClass.SAFE,
        "rule": "simple",
        "shape": "/simple/{project}/",
        "backend": "modern",
        "status": 200,
        "whole": True,
        "octets": number,
        "digest": f"{number:064x}",
        "head_ms": 1.5,
        "ms": 2.25,
    }
    return Captured(**(values | more))  # type: ignore[arg-type]


def packed(records: Iterable[Captured]) -> bytes:
    """One block."""
    columns = Records()
    for each in records:
        columns.add(each)
    ((content, number),) = columns.contents()
    return Packer().pack(content, number)


def found_in(content: bytes) -> tuple[list[Captured], list[BadRecord | Broken], list[Note]]:
    """Records, what is broken, and notes, each in order."""
    records, broken, notes = list[Captured](), list[BadRecord | Broken](), list[Note]()
    for block in read_blocks(io.BytesIO(content)):
        if isinstance(block, Broken):
            broken.append(block)
            continue
        assert isinstance(block, Block)
        try:
            found = list(read_block(block))
        except BadRecord as error:
            broken.append(error)
            continue
        records += [each for each in found if isinstance(each, Captured)]
        broken += [each for each in found if isinstance(each, BadRecord)]
        notes += [each for each in found if isinstance(each, Note)]
    return records, broken, notes
