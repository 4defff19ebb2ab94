"""Actions of the old site that wrote, known in a request without acting on it: by its query, or how its form begins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from aiohttp import web

# What wrote to the old site. To another host it is not even moved: clients would send passwords along.
WRITES: Final = frozenset({"doc_upload", "file_upload", "submit", "submit_pkg_info"})

# Those that are gone from every host.
GONE: Final = WRITES - {"file_upload"}

# The action's value, in either encoding of forms. A part has few headers: without a bound, the rest of what is looked
# through would be read again from every beginning of one, which takes seconds.
_ACTION: Final = re.compile(rb"(?::|%3A)action(?:=|\"\r\n(?:[^\r\n]+\r\n){0,8}\r\n)(\w+)")
_MOST_OF_FORM: Final = 64 << 10  # looked through for an action; what is uploaded comes after it or not at all


async def action_of(request: web.Request, query: Mapping[str, str]) -> str | None:
    """Reads of the form what it needs: nobody else can read it then."""
    if ":action" in query:
        return query[":action"]
    start = bytearray()
    while len(start) < _MOST_OF_FORM and (chunk := await request.content.read(_MOST_OF_FORM - len(start))):
        start += chunk
    found = _ACTION.search(start)
    return None if found is None else found[1].decode(errors="replace")
