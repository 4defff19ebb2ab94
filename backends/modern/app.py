"""The new site as an aiohttp application: reads a request's facts, has a view answer, sends the answer.

Each 200 to a GET or HEAD has an ETag, and who has it already gets a 304 (RFC 9110 13.1.2). The store is asked in
the event loop's own thread, as it demands; uploads are added in other threads, each with a store of its own.
"""

from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Generator
from datetime import datetime
from pathlib import Path
from typing import TypeAlias, assert_never

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from backends.modern import answers, json_api, pages, simple
from backends.modern.answers import Answer
from backends.modern.describing import Describing
from backends.modern.limiting import LIMIT, NEW_PROJECTS, Limit
from backends.modern.routes import ROUTES, Api, BodyView, Get, Post, PostBody, Route, View
from backends.modern.site import Site
from backends.modern.visit import Visit
from backends.steps import taken
from backends.store import Store

Clock: TypeAlias = Callable[[], datetime]
Seen: TypeAlias = Callable[[web.Request], Visit]

_STATIC = Path(__file__).parent / "static"
_LOG = logging.getLogger(__name__)

_JSON_API = re.compile(r"/pypi/[^/]+(/[^/]+)?/json/?")

_UNREADABLE = Answer(503, (("Content-Type", answers.PLAIN),), b"The index cannot be read at the moment")
_FAILED = Answer(500, (("Content-Type", answers.PLAIN),), b"500 Internal Server Error")


def make_app(store: Store, site: Site, clock: Clock) -> web.Application:
    def seen(request: web.Request) -> Visit:
        return _visit(request, store, site, clock())

    # No limit on bodies here: the reading of uploads has its own, which holds while they stream.
    with_slash = web.normalize_path_middleware(merge_slashes=False, redirect_class=web.HTTPMovedPermanently)
    app = web.Application(middlewares=[_boundary, with_slash])
    for route in ROUTES:
        _add(app.router, route, seen)
    app.router.add_static("/static/", _STATIC)
    app.cleanup_ctx.append(_describing)
    if site.calls_an_hour is not None:
        app[LIMIT] = Limit(site.calls_an_hour)
    if site.new_projects_an_hour is not None:
        app[NEW_PROJECTS] = Limit(site.new_projects_an_hour)
    return app


async def _describing(app: web.Application) -> AsyncIterator[None]:
    app[pages.DESCRIBING] = describing = Describing()
    yield
    await describing.close()


def _add(router: web.UrlDispatcher, route: Route, seen: Seen) -> None:
    match route:
        case Get(path, view):
            router.add_get(path, _from_store(view, seen))
        case Post(path, view):
            router.add_post(path, _from_store(view, seen))
        case PostBody(path, body_view):
            router.add_post(path, _from_body(body_view, seen))
        case Api(path, methods, body_view):
            for method in methods:
                router.add_route(method, path, _from_body(body_view, seen))
        case _:
            assert_never(route)


def _from_store(view: View, seen: Seen) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        answer = view(seen(request))
        return await _send(request, await taken(answer) if isinstance(answer, Generator) else answer)

    return handle


def _from_body(view: BodyView, seen: Seen) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        answer = await view(request, seen(request))
        return await _send(request, answer) if isinstance(answer, Answer) else answer

    return handle


@web.middleware
async def _boundary(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return await _send(request, _missing(request.rel_url.raw_path))
    except ConnectionError:  # the client has left, in the middle of its request or of its answer
        return web.Response()  # for nobody
    except web.HTTPMovedPermanently as error:  # to the same path with a slash
        return await _send(request, answers.moved(str(error.location)))
    except web.HTTPMethodNotAllowed as error:
        return await _send(request, _not_allowed(error))
    except web.HTTPException:
        raise  # of aiohttp's: what static files are answered with
    except Exception as error:  # this supervises an exchange: what nobody foresaw is told as all else
        _LOG.exception("%s %s", request.method, request.rel_url)
        if request.writer.output_size:
            raise  # the head of an answer is on its way: all that is left is to break off
        return await _send(request, _UNREADABLE if isinstance(error, sqlite3.Error) else _FAILED)


def _not_allowed(error: web.HTTPMethodNotAllowed) -> Answer:
    allow = ", ".join(sorted(error.allowed_methods))
    return Answer(405, (("Content-Type", answers.PLAIN), ("Allow", allow)), b"405 Method Not Allowed")


def _missing(path: str) -> Answer:
    """Programs get what they can read."""
    if path.startswith("/simple/"):
        return simple.MISSING
    return json_api.MISSING if _JSON_API.fullmatch(path) else pages.missing()


async def _send(request: web.Request, answer: Answer) -> web.StreamResponse:
    if request.method in (hdrs.METH_GET, hdrs.METH_HEAD) and answer.status == 200:
        answer = answers.with_etag(answer, _listed(request, hdrs.IF_NONE_MATCH))
    response = web.Response(
        status=answer.status, reason=answer.reason, headers=answer.headers, body=answer.body or None
    )
    await response.prepare(request)
    await response.write_eof()
    return response


def _listed(request: web.Request, name: str) -> str | None:
    """A header that is a list, of all of its lines (RFC 9110 5.3)."""
    return ", ".join(request.headers.getall(name)) if name in request.headers else None


def _visit(request: web.Request, store: Store, site: Site, now: datetime) -> Visit:
    headers = request.headers
    forwarded_host = headers.get(hdrs.X_FORWARDED_HOST, "").partition(",")[0].strip()
    forwarded_scheme = headers.get(hdrs.X_FORWARDED_PROTO, "").partition(",")[0].strip().lower()
    return Visit(
        store=store,
        site=site,
        now=now,
        raw_path=request.rel_url.raw_path,
        query_string=request.rel_url.raw_query_string,
        captures=request.match_info,
        query=request.query,
        accept=_listed(request, hdrs.ACCEPT),
        scheme=forwarded_scheme if forwarded_scheme in ("http", "https") else request.scheme,
        client=headers.get(hdrs.X_FORWARDED_FOR, "").partition(",")[0].strip() or request.remote or "",
        host=forwarded_host or request.host,
    )
