"""POST to `/pypi`, `/pypi/` and `/RPC2`: a call by its content type, else a form of the old site's."""

from __future__ import annotations

from aiohttp import hdrs, web

from backends.modern import pages, redirects
from backends.modern.answers import Answer
from backends.modern.calls import calls, is_call
from backends.modern.old_actions import WRITES, action_of
from backends.modern.visit import Visit


async def post(request: web.Request, visit: Visit) -> Answer:
    if is_call(request.headers.get(hdrs.CONTENT_TYPE, "")):
        return await calls(request, visit)
    return redirects.uploads_gone() if await action_of(request, visit.query) in WRITES else pages.missing()
