"""An uploader's description as HTML that can do nothing: rendered by readme-renderer, whose output nh3 has cleaned."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from readme_renderer import markdown, rst, txt

from backends.store import Release

_KEPT: Final = 256  # descriptions; rendering one takes up to a tenth of a second
_LONGEST: Final = 1 << 20  # characters that are worth rendering


def described(release: Release) -> str | None:
    """Trusted HTML; None if there is no description."""
    text = release.text("description")
    if not text.strip():
        return None
    content_type, _, parameters = release.text("description_content_type").partition(";")
    return _rendered(content_type.strip().lower(), "commonmark" in parameters.lower(), text)


@lru_cache(maxsize=_KEPT)
def _rendered(content_type: str, is_commonmark: bool, text: str) -> str:
    """What cannot be rendered as what it says is shown as it is."""
    made: str | None = None
    if len(text) <= _LONGEST:
        match content_type:
            case "text/markdown":
                made = markdown.render(text, variant="CommonMark" if is_commonmark else "GFM")
            case "text/x-rst" | "":
                made = rst.render(text)
            case _:
                made = None
    return made if made is not None else str(txt.render(text))
