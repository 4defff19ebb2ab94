"""The authenticated API, for what twine and uv do not do: yanking, statuses, and staged releases.

PUT, DELETE  /api/projects/NAME/releases/VERSION/yank   {"reason": "…"}
PUT          /api/projects/NAME/status                  {"status": "archived", "reason": "…"}
POST         /api/stages/                               201, where to upload to and where to look
GET, DELETE  /api/stages/STAGE
POST         /api/stages/STAGE/publish                  all of its files, or 409 with what is refused and why
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias, get_args

from aiohttp import hdrs, web
from packaging.utils import canonicalize_name

from backends.modern import answers, rendering
from backends.modern.answers import Answer
from backends.modern.staging import NotPublished, drop_stage, make_stage, open_stage, publish_stage
from backends.modern.upload.view import check_token
from backends.modern.visit import Visit
from backends.purging import PURGER
from backends.store import Store
from backends.store.model import Status
from backends.upload.refusal import Refusal
from backends.upload.tags import changed_tags

_Change: TypeAlias = Callable[[str, dict[str, object], Visit], Answer]
_Answering: TypeAlias = Callable[[Visit], Answer]

_LONGEST: Final = 64 << 10  # bytes of a request
_NO_STORE: Final = (("Cache-Control", "no-store"),)


async def yank(request: web.Request, visit: Visit) -> Answer:
    return await _changing(request, visit, _yank)


async def status(request: web.Request, visit: Visit) -> Answer:
    return await _changing(request, visit, _status)


async def stages(request: web.Request, visit: Visit) -> Answer:
    return await _asked(request, visit, _make)


async def stage(request: web.Request, visit: Visit) -> Answer:
    return await _asked(request, visit, _drop if request.method == hdrs.METH_DELETE else _show)


async def publish(request: web.Request, visit: Visit) -> Answer:
    try:
        check_token(request.headers.get(hdrs.AUTHORIZATION, ""), visit)
        name = visit.captures["stage"]
        files = await asyncio.to_thread(publish_stage, visit.store.directory, name, visit.now)
    except Refusal as refusal:
        return _told(refusal.status, {"message": refusal.message})
    except NotPublished as error:
        refused = [{"filename": each.filename, "message": each.message} for each in error.refused]
        return _told(409, {"message": str(error), "refused": refused})
    if files is None:
        return _missing()
    await _purge(request, visit, {str(canonicalize_name(file.project)) for file in files})
    return _told(200, {"published": [file.filename for file in files]})


async def _changing(request: web.Request, visit: Visit, change: _Change) -> Answer:
    """What changes one project: in a thread and with a store of its own, as uploads do."""
    try:
        check_token(request.headers.get(hdrs.AUTHORIZATION, ""), visit)
        said = await _document(request)
        answer = await asyncio.to_thread(change, request.method, said, visit)
    except Refusal as refusal:
        return _told(refusal.status, {"message": refusal.message})
    if answer.status == 200:
        await _purge(request, visit, [str(canonicalize_name(visit.captures["name"]))])
    return answer


async def _asked(request: web.Request, visit: Visit, answer: _Answering) -> Answer:
    try:
        check_token(request.headers.get(hdrs.AUTHORIZATION, ""), visit)
    except Refusal as refusal:
        return _told(refusal.status, {"message": refusal.message})
    return await asyncio.to_thread(answer, visit)


def _yank(method: str, said: dict[str, object], visit: Visit) -> Answer:
    normalized, version = str(canonicalize_name(visit.captures["name"])), visit.captures["version"]
    reason = _text(said, "reason")
    with Store(visit.store.directory) as store:
        if method == hdrs.METH_DELETE:
            done = store.unyank(normalized, version, visit.now)
        else:
            done = store.yank(normalized, version, reason, visit.now)
        release = store.release(normalized, version)
    if not done or release is None:
        return _missing()
    return _told(200, {"version": release.version, "yanked": release.yanked, "yanked_reason": release.yanked_reason})


def _status(_method: str, said: dict[str, object], visit: Visit) -> Answer:
    wanted = next((known for known in get_args(Status) if known == said.get("status")), None)
    if wanted is None:
        raise Refusal(400, f"The status must be one of {', '.join(get_args(Status))}.")
    reason = _text(said, "reason")
    with Store(visit.store.directory) as store:
        if not store.set_status(str(canonicalize_name(visit.captures["name"])), wanted, reason, visit.now):
            return _missing()
    return _told(200, {"status": wanted, "reason": reason})


def _make(visit: Visit) -> Answer:
    name = make_stage(visit.store.directory)
    at = f"{visit.origin}/stages/{name}"
    return _told(201, {"stage": name, "upload": f"{at}/legacy/", "index": f"{at}/simple/"})


def _show(visit: Visit) -> Answer:
    with open_stage(visit.store.directory, visit.captures["stage"]) as opened:
        if opened is None:
            return _missing()
        files = [{"filename": file.filename, "sha256": file.sha256, "size": file.size} for file in opened.all_files()]
    return _told(200, {"files": files})


def _drop(visit: Visit) -> Answer:
    return _told(200, {"dropped": True}) if drop_stage(visit.store.directory, visit.captures["stage"]) else _missing()


async def _document(request: web.Request) -> dict[str, object]:
    body = await request.content.read(_LONGEST)
    if not body:
        return {}
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal(400, "The body is no JSON.") from None
    if not isinstance(said, dict):
        raise Refusal(400, "The body is no JSON object.")
    return said


def _text(said: dict[str, object], key: str) -> str | None:
    value = said.get(key)
    if value is not None and not isinstance(value, str):
        raise Refusal(400, f"{key} is a text.")
    if value is not None and any("\ud800" <= character <= "\udfff" for character in value):
        raise Refusal(400, f"{key} holds half of a surrogate pair, which is no text.")
    return value or None


async def _purge(request: web.Request, visit: Visit, projects: Iterable[str]) -> None:
    if (purger := request.app.get(PURGER)) is not None:
        tags = dict.fromkeys(tag for each in projects for tag in changed_tags(visit.store, each, lists_too=True))
        await purger.purge(list(tags))


def _missing() -> Answer:
    return _told(404, {"message": "Not Found"})


def _told(number: int, document: object) -> Answer:
    return Answer(number, (("Content-Type", answers.JSON), *_NO_STORE), rendering.json_line(document))
