"""Whatever happens to the bytes of a package, reading it gives what it says or a typed refusal."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from packages import Package, core_metadata, sdist, tarred, wheel

from backends.store import BadArchive, read_distribution

WHEEL, SDIST = wheel("a", "1.0", {"Summary": "x" * 50}), sdist("a", "1.0")
damages = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=4)), max_size=4)


def damaged(content: bytes, damage: list[tuple[float, bytes]]) -> bytes:
    for where, put in damage:
        at = int(where * len(content))
        content = content[:at] + put + content[at + max(1, len(put)) :]
    return content


def is_read_or_refused(package: Package) -> bool:
    with tempfile.NamedTemporaryFile() as file:
        file.write(package.content)
        file.flush()
        try:
            said = read_distribution(Path(file.name), package.filename)
        except BadArchive as refusal:
            return str(refusal) != ""
    # What was read belongs to the file's name, whatever became of the bytes.
    return str(said.metadata["name"]).lower() == "a" and said.filename == package.filename


@given(damages)
def test_a_damaged_wheel_is_read_or_refused(damage: list[tuple[float, bytes]]) -> None:
    assert is_read_or_refused(Package(WHEEL.filename, damaged(WHEEL.content, damage)))


@given(damages)
def test_a_damaged_sdist_is_read_or_refused(damage: list[tuple[float, bytes]]) -> None:
    inside = damaged(gzip.decompress(SDIST.content), damage)
    assert is_read_or_refused(Package(SDIST.filename, gzip.compress(inside, compresslevel=1)))


@given(st.binary(max_size=300))
def test_any_metadata_is_read_or_refused(body: bytes) -> None:
    metadata = core_metadata("a", "1.0").strip() + b"\n" + body
    assert is_read_or_refused(Package(SDIST.filename, tarred({"a-1.0/PKG-INFO": metadata})))
