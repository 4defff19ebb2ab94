"""Fields that a rule sets or takes away, in blocks of field lines."""

from __future__ import annotations

import pytest

from edgeproxy.http.edits import field_edit

BLOCK = b"HTTP/1.1 200 OK\r\nServer: old\r\nX-Serial: 7\r\nx_serial: 8\r\nX-Serial-Two: 9\r\nA: Server: old\r\n"
CASES = [
    ((("X-Age", "1"),), BLOCK + b"X-Age: 1\r\n"),
    ((("server", None),), BLOCK.replace(b"Server: old\r\n", b"", 1)),
    (
        (("X-Serial", "1"), ("SERVER", "new")),
        b"HTTP/1.1 200 OK\r\nX-Serial-Two: 9\r\nA: Server: old\r\nX-Serial: 1\r\nSERVER: new\r\n",
    ),
    ((("X-Serial", "1"), ("X-Serial", "2")), BLOCK[:30] + BLOCK[56:] + b"X-Serial: 1\r\nX-Serial: 2\r\n"),
    ((("X.", None),), BLOCK),
]


@pytest.mark.parametrize(("fields", "after"), CASES)
def test_a_name_is_replaced_or_taken_away_and_the_rest_stays(
    fields: tuple[tuple[str, str | None], ...], after: bytes
) -> None:
    edit = field_edit(fields)
    assert edit is not None
    assert edit.apply(BLOCK) == after


def test_without_fields_there_is_no_edit() -> None:
    assert field_edit(()) is None
