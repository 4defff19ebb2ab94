"""What pictures of figures have in common, here and in load tests: colours, and the frame with a heading.

SVG is written by hand, so that no picture needs anything that the edge does not need.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

MARGIN: Final = 24  # at the left and at the right; the heading's two lines end at 50
INK, SOFT, RULE, BLUE, GREY = "#1c2430", "#5b6675", "#dfe4ea", "#1f6feb", "#9aa7b8"


def framed(elements: Iterable[str], width: int, height: int, title: str, about: str, letters: int = 12) -> str:
    """`elements`: of SVG, what stands below the heading; `title` and `about`: its lines, as text; `letters`: size."""
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" font-family="system-ui, sans-serif" font-size="{letters}" fill="{INK}">',
            f"<title>{escape(title)}</title>",
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            f'<text x="{MARGIN}" y="30" font-size="17" font-weight="600">{escape(title)}</text>',
            f'<text x="{MARGIN}" y="50" font-size="12" fill="{SOFT}">{escape(about)}</text>',
            *elements,
            "</svg>\n",
        )
    )
