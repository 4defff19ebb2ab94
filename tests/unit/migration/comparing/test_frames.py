"""Specimens go through a pipe and come out as they were, however they were cut on the way."""

from __future__ import annotations

from dataclasses import replace

import pytest
from specimens import OTHER, SAME, part, specimen

from edgeproxy.migration.comparing.frames import FrameReader, framed
from edgeproxy.migration.specimen import Astray, Ending, Part, Silence

SPECIMENS = [
    specimen(),
    specimen(OTHER, again=SAME),
    specimen(Silence.TIMEOUT, again=Silence.BROKEN),
    specimen(part(bytes(range(256))), old=Part(200, b"X: \xff\r\n", digest="ab" * 32, size=1 << 31)),
    specimen(
        replace(SAME, ending=Ending("http://pypi.test/a", part(b"at the end"))),
        old=replace(SAME, ending=Ending("http://pypi.test/b", Silence.BROKEN)),
        again=replace(SAME, ending=Ending("http://pypi.test/c", Astray.TOO_MANY)),
    ),
    replace(specimen(replace(SAME, is_cut=True)), is_overridden=True, number=0, generation=9),
]


@pytest.mark.parametrize("at_a_time", [1, 7, 4_096])
def test_what_goes_in_comes_out(at_a_time: int) -> None:
    octets = b"".join(b"".join(framed(each)) for each in SPECIMENS)
    reader, found = FrameReader(), []
    for begin in range(0, len(octets), at_a_time):
        found += list(reader.add(octets[begin : begin + at_a_time]))
    assert found == SPECIMENS
