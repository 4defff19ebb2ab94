"""The service as an aiohttp application. `/packages/…` on every host but that of the documentation."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, assert_never
from urllib.parse import quote

from aiohttp import ClientError, ClientSession, ClientTimeout, hdrs, web

from backends.conveyor import documentation
from backends.conveyor.translating import WRONG_BUCKET, OldPath, Translated, failed, translate

_PATIENCE: Final = ClientTimeout(total=10)
_SESSION: Final = web.AppKey("session", ClientSession)
_METHODS: Final = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Settings:
    endpoint: str  # of the JSON API, without a slash at its end
    host: str = "pypi.test"  # as which it is asked
    host_for: Mapping[str, str] = field(
        default_factory=dict
    )  # as which for who asked this host, whose site has other links
    docs: Path | None = None  # the tree of uploaded documentation
    docs_host: str = "pypihosted.test"
    docs_moved: Mapping[str, str] = field(default_factory=dict)  # projects whose documentation is elsewhere


def make_app(settings: Settings) -> web.Application:
    async def running(app: web.Application) -> AsyncIterator[None]:
        async with ClientSession(timeout=_PATIENCE) as session:
            app[_SESSION] = session
            yield

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.method not in _METHODS:
            return web.Response(status=405, headers={"Allow": "GET, HEAD"})
        host = (request.headers.get(hdrs.X_FORWARDED_HOST) or request.host).lower()
        if settings.docs is not None and host.partition(":")[0] == settings.docs_host:
            return _documentation(request, settings, settings.docs)
        return await _conveyed(request, settings, settings.host_for.get(host, settings.host))

    app = web.Application()
    app.cleanup_ctx.append(running)
    app.router.add_get("/_health/", _healthy)
    app.router.add_route("*", r"/{path:[\s\S]*}", handle)
    return app


async def _healthy(_request: web.Request) -> web.Response:
    return web.Response(text="OK")


async def _conveyed(request: web.Request, settings: Settings, host: str) -> web.Response:
    first, *parts = request.match_info["path"].split("/")
    if first != "packages" or len(parts) != 4:
        return web.Response(status=404)
    path = OldPath(*parts)
    if not path.is_in_its_bucket:
        return _sent(WRONG_BUCKET)
    return _sent(await _asked(request.app[_SESSION], path, settings.endpoint, host))


async def _asked(session: ClientSession, path: OldPath, endpoint: str, host: str) -> Translated:
    """Redirects of the API are followed where they lead on its own site; anything unreadable is its failure."""
    url = f"{endpoint}/pypi/{quote(path.project, safe='')}/json"
    try:
        for _ in range(5):
            async with session.get(url, headers={hdrs.HOST: host}, allow_redirects=False) as answer:
                if answer.status in (301, 302, 307, 308):
                    url = endpoint + _path_of(answer.headers.get(hdrs.LOCATION, ""))
                    continue
                return failed(answer.status) or translate(path, json.loads(await answer.read()))
    except (ClientError, TimeoutError, OSError, ValueError):
        return Translated(503)
    return Translated(503)


def _path_of(location: str) -> str:
    return "/" + location.partition("://")[2].partition("/")[2] if "://" in location else location


def _documentation(request: web.Request, settings: Settings, root: Path) -> web.StreamResponse:
    path = request.match_info["path"]
    project, slash, rest = path.partition("/")
    if project in settings.docs_moved:
        return web.Response(status=302, headers={hdrs.LOCATION: f"{settings.docs_moved[project]}{slash}{quote(rest)}"})
    if project and not slash:
        return web.Response(status=301, headers={hdrs.LOCATION: f"/{quote(project)}/"})
    match documentation.find(root, path):
        case documentation.Page(file):
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            return web.FileResponse(file, headers={hdrs.CONTENT_TYPE: kind})
        case documentation.Moved():
            return web.Response(status=301, headers={hdrs.LOCATION: f"/{quote(path)}/"})
        case documentation.Missing():
            return web.Response(status=404)
        case found:
            assert_never(found)


def _sent(translated: Translated) -> web.Response:
    # A URL out of a document goes into a header: nothing in it may end that.
    if any(ord(character) < 0x20 for _, value in translated.headers for character in value):
        return web.Response(status=503)
    return web.Response(status=translated.status, headers=dict(translated.headers))
