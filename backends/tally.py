"""How much is written while a request is answered, told in its answer: `Backend-Writes: 0` says that nothing was.

Who replays what was recorded as only reading sees there that it was not (`edgeproxy replay`).

Laws of this module:
- a change counts for the request that made it, whatever others do meanwhile; what was rolled back is none;
- rows of the index count, and purges, which change what edges have; what is made for one answer alone does not.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

HEADER: Final = "Backend-Writes"


class Tally:
    def __init__(self) -> None:
        self.writes = 0


# Each request has a task of its own, from its handler to the end of its answer.
_TALLY: Final[ContextVar[Tally | None]] = ContextVar("tally", default=None)


def note_writes(number: int) -> None:
    """So much was changed, by whatever is being answered."""
    tally = _TALLY.get()
    if tally is not None:
        tally.writes += number


def tell_writes(app: web.Application) -> None:
    """Have a site tell them."""

    @web.middleware
    async def counting(request: web.Request, handler: Handler) -> web.StreamResponse:
        _TALLY.set(Tally())
        return await handler(request)

    async def telling(_request: web.Request, response: web.StreamResponse) -> None:
        tally = _TALLY.get()
        response.headers[HEADER] = str(tally.writes if tally is not None else 0)

    app.middlewares.insert(0, counting)
    app.on_response_prepare.append(telling)
