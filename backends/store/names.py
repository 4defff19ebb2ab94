"""Names that people take for one another."""

from __future__ import annotations

from typing import Final

_FOLDED: Final = str.maketrans({".": None, "_": None, "-": None, "l": "1", "i": "1", "o": "0"})


def confusable_form(name: str) -> str:
    """Equal for two names that differ in separators, in `l`, `I` and `1`, or in `O` and `0` only."""
    return name.lower().translate(_FOLDED)
