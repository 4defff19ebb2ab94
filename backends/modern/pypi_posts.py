"""POST to `/pypi`, `/pypi/` and `/RPC2`: a call by its content type, else a form of the old site's."""

from __future__ import annotations

import re

from aiohttp import hdrs, web

from backends.modern import pages, redirects
from backends.modern.answers import Answer
from backends.modern.calls import calls, is_call
from backends.modern.visit import Visit

# The action's value, in either encoding of forms.
_WRITE = re.compile(
    rb"(?::|%3A)action(?:=|\"\r\n(?:[^\r\n]+\r\n)*\r\n)("
    + b"|".join(sorted(map(str.encode, redirects.WRITES)))
    + rb")\b"
)
_MOST_OF_FORM = 64 << 10  # looked through for an action; what is uploaded comes after it or not at all


async def post(request: web.Request, visit: Visit) -> Answer:
    if is_call(request.headers.get(hdrs.CONTENT_TYPE, "")):
        return await calls(request, visit)
    start = await request.content.read(_MOST_OF_FORM)
    # Enough to know a form of the old days by: nothing of it is acted on.
    is_write = visit.query.get(":action") in redirects.WRITES or _WRITE.search(start) is not None
    return redirects.uploads_gone() if is_write else pages.missing()
