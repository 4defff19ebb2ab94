"""Fields that a rule sets or takes away, made ready for whole blocks of field lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldEdit:
    """`gone` finds the lines that are taken away, those that are set anew among them; `lines` are set."""

    gone: re.Pattern[bytes]
    lines: bytes

    def apply(self, block: bytes) -> bytes:
        """For field lines that each end with CRLF; a start line before them stays as it is."""
        return self.gone.sub(b"", block) + self.lines


def field_edit(fields: Sequence[tuple[str, str | None]]) -> FieldEdit | None:
    """The edit that sets these fields, in this order, and takes those with None away; None where there are none.

    `X_Name` goes with `X-Name`, for the reason that `lines_without` has: the client's must not stand for the rule's.
    """
    if not fields:
        return None
    names = "|".join(re.escape(name).replace(r"\-", "[-_]") for name, _ in fields)
    lines = "".join([f"{name}: {value}\r\n" for name, value in fields if value is not None])
    return FieldEdit(re.compile(rf"(?im)^(?:{names}):.*\n".encode("latin-1")), lines.encode("latin-1"))
