"""The old site as an aiohttp application: reads a request's facts, answers out of the store, sends.

The store is asked in the event loop's own thread, as it demands; the bytes of files are read elsewhere, and what
writes has other threads and a store of its own.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias, assert_never

from aiohttp import hdrs, web
from aiohttp.http import HttpProcessingError

from backends.legacy.answering import Reply, answer
from backends.legacy.answers import (
    CALL_HEADERS,
    Answer,
    FileAnswer,
    broken,
    failed,
    forbidden,
    malformed,
    standing_headers,
    too_large,
)
from backends.legacy.asked import Asked, Call, Facts, Purge, Registration, Write
from backends.legacy.calls import Callers, too_many_calls
from backends.legacy.dispatch import CALL_TYPE, dispatch, is_for_tls_only, script_of
from backends.legacy.era import Era
from backends.legacy.library import Library
from backends.legacy.methods import replying
from backends.legacy.site import Site
from backends.legacy.tags import purged_tags
from backends.legacy.writes.threads import add_threads
from backends.legacy.writes.view import read, write
from backends.legacy.writes.writing import Done, Sent
from backends.marshalling import LARGEST_CALL
from backends.purging import PURGER
from backends.steps import taken
from backends.store import Store
from backends.upload.receiving import Form
from backends.upload.refusal import Refusal

Clock: TypeAlias = Callable[[], datetime]

# Of a form that is no multipart: no action has nearly so much, and beyond it is 413. All of it is read in one step, and
# each escape in it takes 0.2 microseconds.
_LARGEST_FORM = 512 << 10
_MOST_FIELDS = 1000
_FORM_TYPE = "application/x-www-form-urlencoded"
_LONGEST_TYPE = 1000  # reading one takes the square of it

# Python knows a hundred others: one takes the square of a text to read it, one can spell half of a surrogate pair.
_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin-1", "windows-1252"})
_LOG = logging.getLogger(__name__)
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
        except Exception:  # this supervises an exchange: what nobody foresaw is told as all else
            _LOG.exception("%s %s", request.method, request.rel_url)
            if request.writer.output_size:
                raise  # the head of an answer is on its way: all that is left is to break off
            return await _send(request, failed())

    app = web.Application(client_max_size=_LARGEST_FORM, client_max_fields=_MOST_FIELDS)
    app.router.add_route("*", r"/{path:[\s\S]*}", handle)
    app.on_response_prepare.append(_add_standing_headers)
    add_threads(app)
    return app


async def _reply(request: web.Request, store: Store, clock: Clock, settings: Settings, is_throttled: bool) -> Reply:
    with ExitStack() as kept:
        try:
            form = await _form(request, store, settings.era, kept)
            facts = await _facts(request, form)
        except Refusal as refusal:
            return malformed(refusal.message)
        except web.HTTPRequestEntityTooLarge:
            return too_large()
        except (HttpProcessingError, LookupError, ValueError):  # how aiohttp says that a form cannot be read
            return malformed("The form cannot be read")
        site = Site(facts.scheme, era=settings.era)
        try:
            asked = dispatch(facts)
            if settings.needs_tls and facts.scheme == "http" and is_for_tls_only(asked):
                return forbidden("Must access using HTTPS instead of HTTP")
            if is_throttled and isinstance(asked, Call):
                return too_many_calls()
            if (wanted := _as_write(asked, settings.era)) is not None:
                sent = Sent(facts.fields, form.file, form.attached, request.headers.get(hdrs.AUTHORIZATION, ""))
                return await _written(request, await write(request, wanted, sent, store.directory, clock(), site))
            if isinstance(asked, Call):
                calling = replying(asked.body, Library(store, site))
                return Answer(200, "OK", CALL_HEADERS, await taken(calling, store.snapshot))
            with store.snapshot():
                reply = answer(asked, facts, Library(store, site), clock())
            if isinstance(reply, Generator):
                return await taken(reply, store.snapshot)
        except sqlite3.Error:
            return broken()
    if isinstance(asked, Purge):
        await _purge(request, purged_tags(asked.projects, Library(store, site)))
    return reply


def _as_write(asked: Asked, era: Era) -> Write | Registration | None:
    """What writes, if it does so on this day."""
    match asked:
        case Write():
            return asked if era.takes_uploads else None
        case Registration():
            return asked if era.registers else None
        case _:
            return None


async def _written(request: web.Request, done: Done) -> Reply:
    if done.tags:
        await _purge(request, done.tags)
    return done.answer


async def _purge(request: web.Request, tags: Sequence[str]) -> None:
    if (purger := request.app.get(PURGER)) is not None:
        await purger.purge(tags)


def _client(request: web.Request) -> str:
    """Whose calls are counted together. The edge in front says for whom it asks."""
    forwarded = request.headers.get(hdrs.X_FORWARDED_FOR, "").partition(",")[0].strip()
    return forwarded or request.remote or ""


async def _facts(request: web.Request, form: Form) -> Facts:
    headers = request.headers
    return Facts(
        raw_path=request.rel_url.raw_path,
        fields=(*request.query.items(), *form.fields),
        content_type=headers.get(hdrs.CONTENT_TYPE, ""),
        call=await _call(request) if _is_call(request) else b"",
        scheme="https" if headers.get(hdrs.X_FORWARDED_PROTO) == "https" else "http",
        # A header that is a list is one of all of its lines (RFC 9110 5.3).
        if_none_match=", ".join(headers.getall(hdrs.IF_NONE_MATCH)) if hdrs.IF_NONE_MATCH in headers else None,
        byte_range=headers.get(hdrs.RANGE),
        if_range=headers.get(hdrs.IF_RANGE),
        user_agent=headers.get(hdrs.USER_AGENT, ""),
    )


async def _form(request: web.Request, store: Store, era: Era, kept: ExitStack) -> Form:
    """What a form uploads is passed over where nothing is uploaded any more."""
    if _is_call(request):
        return Form((), None)
    if len(request.headers.get(hdrs.CONTENT_TYPE, "")) > _LONGEST_TYPE:
        raise Refusal(400, "The form's type is too long")
    if request.method not in request.POST_METHODS:
        return Form((), None)
    if request.content_type == "multipart/form-data":
        takes_files = era.takes_uploads and request.method == hdrs.METH_POST
        return await read(request, store if takes_files else None, kept)
    if request.content_type == _FORM_TYPE and (request.charset or "utf-8").lower() not in _CHARSETS:
        raise Refusal(400, "The form is in an unknown character set: send UTF-8")
    fields = [(key, value) for key, value in (await request.post()).items() if isinstance(value, str)]
    return Form(tuple(fields), None)


def _is_call(request: web.Request) -> bool:
    return request.headers.get(hdrs.CONTENT_TYPE, "") == CALL_TYPE


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
