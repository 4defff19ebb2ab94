"""Tagged netstrings, written: what tests make flow files of mitmproxy with."""

from __future__ import annotations


def written(value: object) -> bytes:
    """As the specification has it, and mitmproxy for texts."""
    match value:
        case None:
            return b"0:~"
        case bool():
            return b"4:true!" if value else b"5:false!"
        case int():
            return tagged(str(value).encode(), b"#")
        case float():
            return tagged(repr(value).encode(), b"^")
        case bytes():
            return tagged(value, b",")
        case str():
            return tagged(value.encode(), b";")
        case list():
            return tagged(b"".join(map(written, value)), b"]")
        case dict():
            return tagged(b"".join(written(each) for pair in value.items() for each in pair), b"}")
        case _:
            raise AssertionError(value)


def tagged(content: bytes, tag: bytes) -> bytes:
    return b"%d:%b%b" % (len(content), content, tag)
