"""The old site as an aiohttp application: reads a request's facts, answers out of the store, sends.

The store is asked in the event loop's own thread, as it demands; only the bytes of files are read elsewhere.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias, assert_never

from aiohttp import hdrs, web
from aiohttp.http import HttpProcessingError

from backends.legacy.answering import Reply, answer
from backends.legacy.answers import Answer, FileAnswer, broken, forbidden, malformed, standing_headers
from backends.legacy.asked import Call, Facts, Purge
from backends.legacy.calls import Callers, too_many_calls
from backends.legacy.dispatch import CALL_TYPE, dispatch, is_for_tls_only, script_of
from backends.legacy.era import Era
from backends.legacy.library import Library
from backends.legacy.names import normalized_name
from backends.legacy.site import Site
from backends.marshalling import LARGEST_CALL
from backends.purging import PURGER
from backends.store import Store

Clock: TypeAlias = Callable[[], datetime]

_LARGEST_FORM = 100 * 1024 * 1024
_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator says about the site."""

    era: Era = field(default_factory=Era)
    needs_tls: bool = False  # who asked the edge without TLS is refused what programs use
    most_calls: int | None = None  # XML-RPC calls that one client may have open


def make_app(store: Store, clock: Clock, settings: Settings | None = None) -> web.Application:
    settings = settings or Settings()
    callers = Callers(settings.most_calls)

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            with callers.calling(_client(request)) as is_throttled:
                return await _send(request, await _reply(request, store, clock, settings, is_throttled))
        except ConnectionError:  # the client has left, in the middle of its request or of its answer
            return web.Response()  # for nobody

    app = web.Application(client_max_size=_LARGEST_FORM)
    app.router.add_route("*", r"/{path:[\s\S]*}", handle)
    app.on_response_prepare.append(_add_standing_headers)
    return app


async def _reply(request: web.Request, store: Store, clock: Clock, settings: Settings, is_throttled: bool) -> Reply:
    try:
        facts = await _facts(request)
    except (HttpProcessingError, LookupError, ValueError):  # how aiohttp says that a form cannot be read
        return malformed("The form cannot be read")
    try:
        with store.snapshot():
            asked = dispatch(facts)
            if settings.needs_tls and facts.scheme == "http" and is_for_tls_only(asked):
                return forbidden("Must access using HTTPS instead of HTTP")
            if is_throttled and isinstance(asked, Call):
                return too_many_calls()
            reply = answer(asked, facts, Library(store, Site(facts.scheme, era=settings.era)), clock())
    except sqlite3.Error:
        return broken()
    if isinstance(asked, Purge) and (purger := request.app.get(PURGER)) is not None:
        for name in asked.projects:
            await purger.purge(normalized_name(name))
    return reply


def _client(request: web.Request) -> str:
    """Whose calls are counted together. The edge in front says for whom it asks."""
    forwarded = request.headers.get(hdrs.X_FORWARDED_FOR, "").partition(",")[0].strip()
    return forwarded or request.remote or ""


async def _facts(request: web.Request) -> Facts:
    headers = request.headers
    content_type = headers.get(hdrs.CONTENT_TYPE, "")
    is_call = content_type == CALL_TYPE
    return Facts(
        raw_path=request.rel_url.raw_path,
        fields=(*request.query.items(), *(() if is_call else await _form(request))),
        content_type=content_type,
        call=await _call(request) if is_call else b"",
        scheme="https" if headers.get(hdrs.X_FORWARDED_PROTO) == "https" else "http",
        if_none_match=headers.get(hdrs.IF_NONE_MATCH),
        byte_range=headers.get(hdrs.RANGE),
        if_range=headers.get(hdrs.IF_RANGE),
        user_agent=headers.get(hdrs.USER_AGENT, ""),
    )


async def _form(request: web.Request) -> list[tuple[str, str]]:
    """The fields of a form that are text; what it uploads is passed over."""
    fields = [(key, value) for key, value in (await request.post()).items() if isinstance(value, str)]
    # Some character sets can spell half of a surrogate pair, which is no text: that is a ValueError, too.
    "".join(value for _, value in fields).encode()
    return fields


async def _call(request: web.Request) -> bytes | None:
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) >= LARGEST_CALL:
            return None
    return bytes(body)


async def _send(request: web.Request, reply: Reply) -> web.StreamResponse:
    match reply:
        case Answer(status, reason, headers, body):
            # Said here so that HEAD has it too where the body is empty; a 304 would have to say the file's.
            length = () if status == 304 else ((hdrs.CONTENT_LENGTH, str(len(body))),)
            return web.Response(status=status, reason=reason, headers=(*headers, *length), body=body)
        case FileAnswer():
            return await _send_file(request, reply)
        case _:
            assert_never(reply)


async def _send_file(request: web.Request, reply: FileAnswer) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status, reason=reply.reason, headers=reply.headers)
    response.content_length = reply.length
    with await asyncio.to_thread(reply.path.open, "rb") as file:
        await response.prepare(request)
        left = 0 if request.method == hdrs.METH_HEAD else reply.length
        file.seek(reply.first)
        while left > 0 and (chunk := await asyncio.to_thread(file.read, min(_CHUNK, left))):
            await response.write(chunk)
            left -= len(chunk)
    await response.write_eof()
    return response


async def _add_standing_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.extend(standing_headers(script_of(request.rel_url.raw_path), response.status))
