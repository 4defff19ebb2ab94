"""The facts that both sites are made by, statement by statement: rows of tables, points of lists, paragraphs.

They lie beside the checkout, in shared/. Statements of §1 to §3 are numbered within their section: `1.1/3`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_PLACES = [folder / "shared" / "facts" / "pypi.md" for folder in Path(__file__).parents[2:5]]
FACTS = next((place for place in _PLACES if place.is_file()), None)


def statements(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    section, number = "", 0
    for kind, line in _lines(text[text.index("\n## 1. ") : text.index("\n## 4. ")]):
        if kind == "heading":
            section, number = line, 0
        elif kind == "more":
            found[f"{section}/{number}"] += " " + line
        else:
            number += 1
            found[f"{section}/{number}"] = line
    return found


def quoted(text: str) -> list[str]:
    """What stands between backquotes."""
    return re.findall(r"`([^`]+)`", text)


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """A table's heading is none of its rows; what is indented goes on with what is above it."""
    lines = text.splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if heading := re.match(r"#{2,3} (\d(?:\.\d+)?)", line):
            yield "heading", heading[1]
        elif not line.strip() or re.fullmatch(r"[|\- ]+", line) or re.fullmatch(r"\|[|\- ]+", following):
            continue
        else:
            yield ("more" if line.startswith("  ") else "statement"), line.strip(" -")
