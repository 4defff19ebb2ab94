"""Multipart forms, in the lines of today and in those of distutils, however they arrive."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from backends.legacy.writes.multipart import parts

TYPE = 'multipart/form-data; boundary="b-1"; charset=utf-8'
FORM = (
    b'--b-1\r\nContent-Disposition: form-data; name=":action"\r\n\r\nsubmit\r\n'
    b'--b-1\r\nContent-Disposition: form-data; name="summary"\r\n\r\n\r\n'
    b'--b-1\r\nContent-Disposition: form-data; name="description"\r\n\r\none\r\n--b\r\n--b-\r\n\r\ntwo\r\n\r\n'
    b'--b-1\r\ncontent-type: image/png\r\nContent-Disposition: form-data; name="content"; filename="gr\xc3\xbc\xc3\x9f.gz"'
    b"\r\n\r\n\x00\xff\r\n--b-1\r\n\r\nnameless\r\n--b-1--\r\n"
)
READ = [
    (":action", None, "", b"submit"),
    ("summary", None, "", b""),
    ("description", None, "", b"one\r\n--b\r\n--b-\r\n\r\ntwo\r\n"),
    ("content", "gr\u00fc\u00df.gz", "image/png", b"\x00\xff"),
    (None, None, "", b"nameless"),
]


async def arriving(body: bytes, at_once: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), at_once):
        yield body[start : start + at_once]


async def read(body: bytes, at_once: int = 1000, content_type: str = TYPE) -> list[tuple[object, ...]]:
    found = []
    async for part in parts(arriving(body, at_once), content_type):
        data = b""
        while chunk := await part.read_chunk(7):
            assert len(chunk) <= 7
            data += chunk
        found.append((part.name, part.filename, part.headers.get("Content-Type", ""), data))
    return found


@pytest.mark.parametrize("at_once", [*range(1, 40), 1000])
async def test_a_form_is_the_same_in_whatever_pieces_it_comes(at_once: int) -> None:
    assert await read(FORM, at_once) == READ
    assert await read(b"\r\n" + FORM + b"and more", at_once) == READ


@pytest.mark.parametrize("at_once", [1, 2, 3, 1000])
async def test_lines_may_end_as_distutils_ends_them(at_once: int) -> None:
    form = b"\n" + FORM.replace(b"\r\n", b"\n").replace(b"one\n", b"one\r\n")
    found = await read(form, at_once)
    assert found[2][3] == b"one\r\n--b\n--b-\n\ntwo\n"
    assert [part[:3] for part in found] == [part[:3] for part in READ]


async def test_what_is_not_read_of_a_part_is_passed_over() -> None:
    assert [part.name async for part in parts(arriving(FORM, 5), TYPE)] == [part[0] for part in READ]


@pytest.mark.parametrize(
    ("told", "filename"),
    [
        (b'filename="a;b.gz"; x="', "a;b.gz"),
        (b'filename="C:\\a\\\\b\\"c.gz"', 'C:\\a\\b"c.gz'),
        (b'FileName = a.gz ;filename="b.gz"', "a.gz"),
        (b"filename*=utf-8''gr%C3%BC%C3%9F.gz", "gr\u00fc\u00df.gz"),
        (b"filename*=ISO-8859-1'de'gr%FC%DF.gz", "gr\u00fc\u00df.gz"),
        (b'\r\n\tfilename="a.gz"', "a.gz"),
        (b'filename=""', None),
    ],
)
async def test_a_part_s_filename_is_told_in_many_ways(told: bytes, filename: str | None) -> None:
    form = b'--b-1\r\nContent-Disposition: form-data; name="content"; ' + told + b"\r\n\r\n\r\n--b-1--\r\n"
    assert [part[:2] for part in await read(form)] == [("content", filename)]


@pytest.mark.parametrize("at_once", [1, 100, 10_000])
async def test_a_head_is_short_however_it_comes(at_once: int) -> None:
    """A reader that tries every `;` again for each one makes seconds of some kilobytes."""
    head = b'--b-1\r\nContent-Disposition: form-data; name=a; filename=b; x="' + b";" * 2500
    with pytest.raises(ValueError, match="headers of a part are too long"):
        await read(head + b"\r\n\r\n\r\n--b-1--\r\n", at_once)


@pytest.mark.parametrize("length", range(0, len(FORM) - 4, 3))
async def test_a_form_that_is_cut_off_is_none(length: int) -> None:
    with pytest.raises(ValueError, match="cut off"):
        await read(FORM[:length])


@pytest.mark.parametrize(
    ("body", "content_type", "why"),
    [
        (FORM, "multipart/form-data", "no boundary"),
        (b"x" * 10_000, TYPE, "does not begin with its boundary"),
        (b"--b-1 \r\n", TYPE, "followed by something else"),
        (b"--b-1\r\nContent-Disposition: form-data; name*=idna''a\r\n\r\n", TYPE, "unknown encoding"),
        (b"--b-1\r\n" + b"X: y\r\n" * 10_000, TYPE, "headers of a part are too long"),
    ],
)
async def test_what_is_no_form_is_refused_because(body: bytes, content_type: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        await read(body, content_type=content_type)
