"""What strangers said, for a terminal or a log."""

from __future__ import annotations


def printable(text: str) -> str:
    """Control characters are shown, not sent; so are ends of lines, and halves of surrogate pairs."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
