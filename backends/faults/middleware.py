"""Faults on their way into a site: an aiohttp middleware before all others.

Laws of this module:
- it is there only where a site was started with a token, and does nothing for who does not know that;
- an answer that a fault has changed says `no-store`, unless the fault is `kept`; one that is only late is a true one;
- what hangs or waits ends with its client, its fault and its site, whichever ends first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from http import HTTPStatus
from typing import Final, TypeAlias, assert_never

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from backends.faults.admin import Admin, refused
from backends.faults.cutting import CuttingTransport
from backends.faults.deciding import Decision, decide
from backends.faults.distorting import FaultyStore, telling
from backends.faults.incidents import AskedAs, Traits, turn
from backends.faults.language import FaultError, read_header
from backends.faults.model import Error, Hang, Place, Redirect, Reset, Where
from backends.faults.places import place_of
from backends.faults.planted import Acting, Faults
from backends.tokens import Token

Clock: TypeAlias = Callable[[], float]  # one that is never set back

FAULT: Final = "Backend-Fault"
TOKEN: Final = "Backend-Token"

# Each request has a task of its own, from its handler to the end of its answer.
_DECISION: Final[ContextVar[Decision | None]] = ContextVar("decision", default=None)

_LOOK_EVERY: Final = 0.25  # seconds, whether a client has left: aiohttp does not tell
_LIFETIMES: Final = ("Surrogate-Control", "CDN-Cache-Control", "Expires")


def install(app: web.Application, store: FaultyStore, token: Token, traits: Traits, clock: Clock) -> None:
    """Make a site one that can be told faults. `store` is the one that its pages are made of."""
    gate = _Gate(store, token, traits, clock)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await gate.answer(request, handler)

    app.middlewares.insert(0, middleware)
    app.on_response_prepare.append(_forbid_keeping)  # the last one: what sites say of caching comes before
    app.on_shutdown.append(gate.end)


class _Gate:
    def __init__(self, store: FaultyStore, token: Token, traits: Traits, clock: Clock) -> None:
        self._store = store
        self._token = token
        self._traits = traits
        self._clock = clock
        self._faults = Faults()
        self._admin = Admin(self._faults, traits, clock)
        self._ended = asyncio.Event()

    async def end(self, _app: web.Application) -> None:
        self._ended.set()

    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        _DECISION.set(None)
        if self._admin.is_at(request.rel_url.raw_path):
            return await self._admin.answer(request) if self._is_known(request) else _stranger()
        place = place_of(
            request.method, request.rel_url.raw_path, request.query, request.headers.get(hdrs.CONTENT_TYPE, "")
        )
        if place is None:
            return await handler(request)
        try:
            own = self._asked_for(request, place)
        except PermissionError:
            return _stranger()
        except FaultError as error:
            return refused(400, str(error))
        acting = self._faults.on(place, own, self._clock())
        return await (self._act(request, handler, place, decide(acting)) if acting else handler(request))

    def _is_known(self, request: web.Request) -> bool:
        return self._token.is_same(request.headers.get(TOKEN, ""))

    def _asked_for(self, request: web.Request, place: Place) -> list[Acting]:
        """The faults that a request asks for itself. Raises PermissionError, FaultError."""
        if FAULT not in request.headers:
            return []
        if not self._is_known(request):
            raise PermissionError
        where = Where(place.surface, place.project)
        return [self._faults.for_header(fault, where) for fault in read_header(",".join(request.headers.getall(FAULT)))]

    async def _act(
        self, request: web.Request, handler: Handler, place: Place, decision: Decision
    ) -> web.StreamResponse:
        _DECISION.set(decision)
        for acting, slow in decision.slow:
            acting.hits += 1
            await self._wait(request, acting, slow.seconds)
        if request.transport is None:
            return web.Response()  # for nobody: the client has left
        if decision.end is not None:
            ended = await self._end(request, place, decision, *decision.end)
            if isinstance(ended, AskedAs):
                request = ended.request
            elif ended is not None:
                return ended
        with telling(decision.untruths):
            if decision.reset is None:
                return await handler(request)
            acting, reset = decision.reset
            decision.show(acting)
            return await _cut(request, handler, reset)

    async def _end(
        self, request: web.Request, place: Place, decision: Decision, acting: Acting, end: Hang | Error | Redirect
    ) -> web.Response | AskedAs | None:
        match end:
            case Hang():
                decision.show(acting)
                await self._wait(request, acting, None)
                return _hang_up(request)
            case Error(status):
                decision.show(acting)
                return web.Response(status=status, text=f"{status} {_phrase(status)}: a fault that was asked for\n")
            case Redirect(incident):
                turned = turn(incident, request, place, self._store, self._traits)
                if turned is not None:
                    decision.show(acting)
                return turned
            case _:
                assert_never(end)

    async def _wait(self, request: web.Request, acting: Acting, seconds: float | None) -> None:
        """So long, or until nobody waits for it any more."""
        until = None if seconds is None else self._clock() + seconds
        while not (self._ended.is_set() or request.transport is None):
            now = self._clock()
            if self._faults.is_over(acting, now) or (until is not None and until <= now):
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(
                    self._ended.wait(), _LOOK_EVERY if until is None else min(until - now, _LOOK_EVERY)
                )


async def _cut(request: web.Request, handler: Handler, reset: Reset) -> web.Response:
    transport = request.transport
    assert transport is not None  # it was there, and nothing was awaited since
    cutting = CuttingTransport(transport, reset.after)
    request.protocol.transport = cutting  # what aiohttp writes to
    with suppress(ConnectionError):  # so it says that it has been cut
        response = await _response_of(request, handler)
        await response.prepare(request)
        await response.write_eof()
    cutting.cut()
    return web.Response()  # for nobody


async def _response_of(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as raised:
        return raised


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()  # for nobody


async def _forbid_keeping(_request: web.Request, response: web.StreamResponse) -> None:
    decision = _DECISION.get()
    if decision is None or decision.may_be_kept:
        return
    for name in _LIFETIMES:
        response.headers.popall(name, None)
    response.headers[hdrs.CACHE_CONTROL] = "no-store"


def _stranger() -> web.Response:
    return refused(403, f"{TOKEN} is not the token of this site: give the one of its --admin-token-file")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Server Error"
